/* A job's log: stays at its end while the reader is there, never jumps when the reader is not, and keeps the page light.
 *
 * Lines come through htmx (static/js/live.js tells it when): new ones in place of #log-tail, earlier ones in place of
 * .log-start. Without this script the log is read by its links.
 */
(() => {
  "use strict";

  const NEAR_PX = 40;       // so close to the end counts as being there
  const MOST_LINES = 4000;  // more are not held: who follows sees the newest, who reads decides by a link

  let log, newest;
  let follows = true;
  let height = 0;
  let top = 0;

  const lines = () => log.querySelectorAll(".log-line").length;
  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
  const hasTail = () => log.querySelector("#log-tail") !== null;
  const isOurs = (event) => log.contains(event.detail.target || event.target);

  function look() {
    follows = isAtEnd() && hasTail();
    if (follows || !hasTail()) newest.hidden = true;
  }

  function beforeSwap(event) {
    if (!isOurs(event)) return;
    follows = isAtEnd() && hasTail();
    height = log.scrollHeight;
    top = log.scrollTop;
  }

  function afterSwap(event) {
    const above = event.detail.target.classList.contains("log-start");
    if (above) log.scrollTop = top + log.scrollHeight - height;
  }

  function afterSettle() {
    if (follows) log.scrollTop = log.scrollHeight;
    if (follows && lines() > MOST_LINES) renew();
    newest.hidden = follows || !hasTail();
  }

  /* Only the newest window, as the page had it at first. */
  function renew() {
    htmx.ajax("GET", newest.href, { target: "#log-lines", swap: "innerHTML" });
  }

  function toNewest(event) {
    event.preventDefault();
    if (lines() > MOST_LINES || !hasTail()) renew();
    log.scrollTop = log.scrollHeight;
    newest.hidden = true;
    log.focus({ preventScroll: true });
  }

  /* Who reads further up is not sent ever more lines below. */
  function holdBack(event) {
    if (event.target.id === "log-tail" && !isAtEnd() && lines() > MOST_LINES) event.preventDefault();
  }

  /* #line-12 of a line that is not on the page. */
  function openLine() {
    const number = /^#line-(\d+)$/.exec(location.hash);
    if (!number || document.getElementById(location.hash.slice(1))) return false;
    location.replace(new URL("?line=" + number[1] + location.hash, new URL(newest.href, location.href)));
    return true;
  }

  document.addEventListener("DOMContentLoaded", () => {
    log = document.getElementById("log");
    newest = document.querySelector(".log-newest");
    if (!log || openLine()) return;
    addEventListener("hashchange", openLine);
    if (hasTail() && !location.hash.startsWith("#line-")) log.scrollTop = log.scrollHeight;
    look();
    log.addEventListener("scroll", look, { passive: true });
    newest.addEventListener("click", toNewest);
    log.addEventListener("htmx:beforeSwap", beforeSwap);
    log.addEventListener("htmx:beforeRequest", holdBack);
    log.addEventListener("htmx:afterSwap", afterSwap);
    document.body.addEventListener("htmx:afterSettle", afterSettle);
  });
})();
