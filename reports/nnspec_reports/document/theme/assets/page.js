"use strict";
// A link to a case inside a closed fold opens it, also in browsers that do not do so themselves.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target && target.closest("details");
  if (fold && !fold.open) {
    fold.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", unfold);
unfold();
// A search field hides what does not hold the words typed: rows of a table, or entries of the menu.
for (const field of document.querySelectorAll("input[data-filters]")) {
  const target = document.getElementById(field.dataset.filters);
  if (!target) continue;
  const entries = [...target.querySelectorAll("tbody tr, li > a")].map((element) => ({
    shown: element.tagName === "A" ? element.parentElement : element,
    text: element.textContent.toLowerCase(),
  }));
  const folds = [...target.querySelectorAll("details")].map((element) => ({ element, open: element.open }));
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { shown, text } of entries) shown.hidden = !words.every((word) => text.includes(word));
    for (const { element, open } of folds) {
      const holds = element.querySelector("li:not([hidden]) > a") !== null;
      element.parentElement.hidden = words.length > 0 && !holds;
      element.open = words.length > 0 ? holds : open;
    }
  });
}
