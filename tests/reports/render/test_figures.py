"""The pictures: repeatable, free of outside references, and safe with names from a run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from reports import figures
from reports.canvas import standalone
from reports.model import Audit, Point
from reports.timeline import measured_spans, slowest_of_each_second
from tests.support.sample_audit import empty_audit, sample_audit

ALL = tuple(figures.DRAWINGS.values())


@pytest.mark.parametrize("draw", ALL)
def test_the_same_audit_gives_the_same_bytes(draw: figures.Drawing) -> None:
    assert draw(sample_audit()) == draw(sample_audit())


@pytest.mark.parametrize("draw", ALL)
@pytest.mark.parametrize("audit", [sample_audit("fail"), empty_audit()], ids=["full", "empty"])
def test_every_picture_is_well_formed_even_without_data(
    draw: figures.Drawing, audit: Audit
) -> None:
    assert ET.fromstring(standalone(draw(audit))).tag.endswith("svg")


@pytest.mark.parametrize("draw", ALL)
def test_a_picture_refers_to_nothing_outside_of_itself(draw: figures.Drawing) -> None:
    addresses = re.findall(r"https?://[^\"'\s<]+", draw(sample_audit()))
    assert {address for address in addresses if not address.startswith("http://www.w3.org/")} == (
        set()
    )


def test_pictures_on_one_page_share_no_id() -> None:
    ids = [found for draw in ALL for found in re.findall(r'\bid="([^"]*)"', draw(sample_audit()))]
    assert ids
    assert len(ids) == len(set(ids))


def test_a_reference_inside_a_picture_finds_its_target() -> None:
    svg = figures.delivery_latency(sample_audit())
    targets = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]*)', svg))
    assert targets
    assert targets <= set(re.findall(r'\bid="([^"]*)"', svg))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "막힘", "$x$", 'id="x'])
def test_a_name_that_a_picture_cannot_carry_becomes_a_number(name: str) -> None:
    svg = figures.fault_lanes(sample_audit(fault=name))
    assert ">#1<" in svg
    assert name not in svg


def test_the_shaded_span_is_the_measured_one_and_not_the_planned_one() -> None:
    ((begin, end, label),) = measured_spans(sample_audit())
    assert (begin, end) == pytest.approx((7.2, 22.4))
    assert label == "ws-blocked"


def test_a_fault_that_never_healed_lasts_to_the_end_of_the_run() -> None:
    audit = sample_audit()
    receipt = audit.receipts[0]
    fields = {name: getattr(receipt, name) for name in receipt.__struct_fields__}
    unhealed = type(receipt)(**{**fields, "healed_s": None})
    ((_, end, _),) = measured_spans(replace(audit, receipts=(unhealed,)))
    assert end == pytest.approx(40.0)


def test_the_slowest_message_of_each_second_is_found() -> None:
    points = (Point(1.2, 0.1, "realtime"), Point(1.9, 4.0, "poll"), Point(3.0, 0.2, "api"))
    assert slowest_of_each_second(points) == ((1, 4.0), (3, 0.2))
