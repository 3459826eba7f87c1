// Without this the page works as well: a button then opens a tab, and new cards come with a reload.
"use strict";

const POLL_MS = 2000;

document.addEventListener("click", (event) => {
  const button = event.target.closest("a.button");
  if (!button) return;
  event.preventDefault();
  const half = Math.floor(screen.availWidth / 2);
  const place = `left=${(screen.availLeft ?? 0) + half},top=0,width=${half},height=${screen.availHeight}`;
  window.open(button.href, "_blank", `popup,noopener,noreferrer,${place}`);
});

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("room");
    const shown = document.getElementById("room");
    if (fresh && fresh.innerHTML !== shown.innerHTML) shown.replaceWith(fresh);
  } catch {
    return; // the demo has ended: what is shown stays
  }
  setTimeout(refresh, POLL_MS);
}

setTimeout(refresh, POLL_MS);
