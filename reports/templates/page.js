(() => {
  const root = document.documentElement;
  const group = document.querySelector(".switch");
  const buttons = group.querySelectorAll("button");
  const show = (language) => {
    root.lang = language;
    document.title = root.getAttribute(`data-title-${language}`);
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.value === language));
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => show(button.value));
  }
  group.hidden = false;
  show(root.lang);
})();
