"""The report for CI systems that read JUnit's XML: a test case for each gate and for the rig."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from reports.model import Audit, GateResult, Verdict

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(audit: Audit) -> str:
    """JUnit XML in English. A failed gate is a failure; what could not be judged is an error.

    A run that is not a pass has at least one failure or error. All times are 0: a gate is not
    a thing that takes time.
    """
    name = f"chatquake.{audit.settings.scenario}"
    suite = ET.Element("testsuite", {"name": _xml(name)})
    for gate in audit.verdict.gates:
        suite.append(_gate_case(gate, name))
    suite.append(_rig_case(audit, name))
    counts = {
        "tests": str(len(suite)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
        "time": "0",
    }
    suite.attrib.update({**counts, "skipped": "0"})
    suites = ET.Element("testsuites", {"name": "chatquake", **counts})
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, "unicode") + "\n"


def _case(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": _xml(classname), "name": _xml(name), "time": "0"})


def _gate_case(gate: GateResult, classname: str) -> ET.Element:
    case = _case(classname, f"{gate.metric} {gate.bound} [{gate.window}, {gate.cohort}]")
    if gate.result == "pass":
        return case
    more = "> " if gate.beyond else ""
    value = "has no value" if gate.value is None else f"is {more}{gate.value:g}"
    message = f"{gate.metric} {value}, bound {gate.bound}, n {gate.n}"
    if gate.result == "fail":
        problem = ET.SubElement(case, "failure", {"message": _xml(message), "type": "gate"})
    else:
        problem = ET.SubElement(case, "error", {"message": _xml(message), "type": "invalid"})
    problem.text = _xml("" if gate.reason is None else gate.reason.en)
    return case


def _rig_case(audit: Audit, classname: str) -> ET.Element:
    case = _case(classname, "rig")
    verdict = audit.verdict
    fatal = [f"{f.what}: {f.sentence.en}" for f in verdict.rig if f.level == "fatal"]
    problems = fatal or _unexplained(verdict)
    if problems:
        head = {"message": _xml("; ".join(problems)), "type": "invalid"}
        ET.SubElement(case, "error", head).text = _xml("\n".join(problems))
    warnings = [f"{f.what}: {f.sentence.en}" for f in verdict.rig if f.level == "warning"]
    if warnings:
        ET.SubElement(case, "system-out").text = _xml("\n".join(warnings))
    return case


def _unexplained(verdict: Verdict) -> list[str]:
    """The reasons of an invalid run that no gate carries, such as an interruption."""
    if verdict.verdict != "invalid" or any(gate.result == "invalid" for gate in verdict.gates):
        return []
    return list(verdict.reasons) or ["the run is invalid"]


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
