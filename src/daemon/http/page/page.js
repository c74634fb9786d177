// Refreshes the page in place: fetches it again and replaces the parts that are marked data-live. Forms are not marked, so that
// typed text is not lost. The page also works without this script.
"use strict";

// The daemon reads its history at most once a second, however many pages ask.
const PERIOD_MS = 10_000;

const FOCUSABLE = "a, summary, [tabindex]";

function openDetails(part) {
  return [...part.querySelectorAll("details")].map((details) => details.open);
}

function replace(part, fresh) {
  if (!fresh || fresh.innerHTML === part.innerHTML) return;
  const opened = openDetails(part);
  const focused = [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  const scrolled = [...part.querySelectorAll(".wide")].map((wide) => wide.scrollLeft);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll("details").forEach((details, at) => { details.open = opened[at] ?? false; });
  part.querySelectorAll(".wide").forEach((wide, at) => { wide.scrollLeft = scrolled[at] ?? 0; });
  if (focused >= 0) part.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
}

async function refresh() {
  // Does not replace selected text, such as a command. Fetches the path without the query, so that no lookup is repeated.
  if (document.hidden || getSelection().type === "Range") return;
  const stale = document.getElementById("stale");
  try {
    const answer = await fetch(location.pathname, { signal: AbortSignal.timeout(PERIOD_MS) });
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelectorAll("[data-live]").forEach((part) => replace(part, fresh.getElementById(part.id)));
    document.title = fresh.title;
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
}

if (document.querySelector("main [data-live], header[data-live]")) {
  setInterval(refresh, PERIOD_MS);
  document.addEventListener("visibilitychange", refresh);
}
