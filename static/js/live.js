/* Keeps an open page true: listens to what changed and lets htmx fetch the parts that show it.
 *
 * <div data-live="job-7 jobs" hx-get="..." hx-trigger="live"> is refreshed when one of its topics changes, and once
 * whenever the stream of events (re)opens, for what happened in between. Without this script every page works as is.
 */
(() => {
  "use strict";

  const SOON_MS = 120;   // several events of one change become one fetch
  const LATER_MS = 400;  // the part is being fetched, or somebody types in it
  const LOST_MS = 4000;  // a stream that reopens sooner was never lost, for a reader
  const SILENT_MS = 40000;  // the server says every 15 s that it is still there; a line that is silent leads nowhere

  let stream = null;
  let listeningTo = "";
  let lostTimer = 0;
  let againTimer = 0;
  let heardAt = 0;
  const dirty = new Set();
  let refreshTimer = 0;

  const parts = () => Array.from(document.querySelectorAll("[data-live]"));
  const topicsOf = (part) => part.dataset.live.split(/\s+/).filter(Boolean);
  const topics = () => Array.from(new Set(parts().flatMap(topicsOf))).sort();

  // --- refreshing parts

  function soon(topic, delay = SOON_MS) {
    dirty.add(topic);
    if (!refreshTimer) refreshTimer = setTimeout(refresh, delay);
  }

  function refresh() {
    refreshTimer = 0;
    const changed = new Set(dirty);
    dirty.clear();
    for (const part of parts()) {
      const wanted = topicsOf(part).find((topic) => changed.has(topic));
      if (!wanted) continue;
      if (part.classList.contains("htmx-request") || isTyping(part)) soon(wanted, LATER_MS);
      else htmx.trigger(part, "live");
    }
  }

  /* What somebody has begun to write must not be swept away. */
  function isTyping(part) {
    const field = document.activeElement;
    if (part.contains(field) && field.matches("input, textarea, select")) return true;
    return Array.from(part.querySelectorAll("textarea, input")).some((each) => each.value !== each.defaultValue);
  }

  // --- the stream

  function listen() {
    const wanted = topics();
    const key = wanted.join(" ");
    if (document.hidden || !wanted.length) return hangUp();
    if (stream && key === listeningTo && stream.readyState !== EventSource.CLOSED) return;
    hangUp();
    listeningTo = key;
    heard();
    const query = wanted.map((topic) => "topic=" + encodeURIComponent(topic)).join("&");
    stream = new EventSource(document.body.dataset.liveUrl + "?" + query);
    stream.addEventListener("still", heard);
    stream.addEventListener("ready", () => {
      heard();
      say("live");
      wanted.forEach((topic) => soon(topic));
    });
    stream.addEventListener("changed", (event) => {
      heard();
      soon(JSON.parse(event.data).topic);
    });
    stream.addEventListener("error", () => {
      if (!lostTimer) lostTimer = setTimeout(() => say("lost"), LOST_MS);
      // refused outright (a proxy's error page, a restart): EventSource gives up, so try again ourselves
      if (stream && stream.readyState === EventSource.CLOSED) setTimeout(listen, LOST_MS);
    });
  }

  function heard() {
    heardAt = Date.now();
  }

  /* The network is gone, or the other end is: a stream can look open for hours after that. */
  function lost() {
    if (!stream) return;
    hangUp();
    say("lost");
    clearTimeout(againTimer);
    againTimer = setTimeout(listen, LOST_MS);
  }

  /* A browser allows six connections to a host: a tab that nobody sees must not hold one. */
  function hangUp() {
    if (stream) stream.close();
    stream = null;
    listeningTo = "";
  }

  function say(state) {
    clearTimeout(lostTimer);
    lostTimer = 0;
    const sign = document.getElementById("live-sign");
    if (!sign || sign.dataset.state === state) return;
    sign.dataset.state = state;
    sign.textContent = state === "live" ? "live" : "connection lost, retrying";
    sign.hidden = false;
  }

  // --- ages

  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"]];

  function age(seconds) {
    const unit = UNITS.find(([size]) => seconds >= size);
    return unit ? Math.floor(seconds / unit[0]) + " " + unit[1] : seconds + " s";
  }

  const secondsSince = (time) => Math.floor((Date.now() - Date.parse(time.dateTime)) / 1000);
  const until = (seconds) => (seconds > 0 ? "in " + seconds + " s" : "now");

  function lasting(seconds) {
    const whole = Math.max(0, seconds);
    if (whole < 120) return whole + " s";
    return Math.floor(whole / 60) + " min " + String(whole % 60).padStart(2, "0") + " s";
  }

  function tick() {
    if (document.hidden) return;
    if (Date.now() - heardAt > SILENT_MS) lost();
    for (const time of document.querySelectorAll("time[data-age]")) {
      const words = age(Math.max(0, Math.floor((Date.now() - Date.parse(time.dateTime)) / 1000)));
      if (time.textContent !== words) time.textContent = words;
    }
    for (const time of document.querySelectorAll("time[data-elapsed]")) time.textContent = lasting(secondsSince(time));
    for (const time of document.querySelectorAll("time[data-until]")) time.textContent = until(-secondsSince(time));
  }

  // --- what a swap must not lose: opened details, and where the keyboard is

  let opened = new Set();
  let focused = "";

  const KEYS = "a[href], button, summary";

  function keyOf(element) {
    const details = element.closest("details[id]");
    return [element.localName, element.getAttribute("href"), details && details.id, element.textContent.trim()].join(" ");
  }

  function beforeSwap(event) {
    if (event.detail.elt.id === "farm-status") leaveOutStrangers(event);
    const active = document.activeElement;
    focused = active && active.matches(KEYS) ? keyOf(active) : "";
    opened = new Set(Array.from(document.querySelectorAll("details[id][open]"), (details) => details.id));
  }

  function afterSwap() {
    for (const id of opened) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    if (focused && document.activeElement === document.body) {
      const same = Array.from(document.querySelectorAll(KEYS)).find((each) => keyOf(each) === focused);
      if (same) same.focus({ preventScroll: true });
    }
    listen();
    tick();
  }

  /* A page that was opened before the portal was renewed, or before somebody else logged in in another tab, has other
     places in its header than the answer: what it has no place for is left out. */
  function leaveOutStrangers(event) {
    const came = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
    const strangers = Array.from(came.querySelectorAll("[hx-swap-oob]")).filter((piece) => !document.getElementById(piece.id));
    if (!strangers.length) return;
    strangers.forEach((piece) => piece.remove());
    event.detail.serverResponse = came.body.innerHTML;
  }

  /* A piece that came along and says the same as before stays as it is: a button under the mouse must not be replaced. */
  function keepSame(event) {
    const came = event.detail.fragment.firstElementChild;
    if (came && came.isEqualNode(event.detail.target)) event.detail.shouldSwap = false;
  }

  // --- a second click of a double click

  function once(event) {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    form.setAttribute("aria-busy", "true");
  }

  function forget() {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.body.addEventListener("htmx:beforeSwap", beforeSwap);
    document.body.addEventListener("htmx:afterSettle", afterSwap);
    document.body.addEventListener("htmx:oobBeforeSwap", keepSame);
    document.body.addEventListener("htmx:sendError", lost);
    document.addEventListener("submit", once);
    document.addEventListener("visibilitychange", listen);
    setInterval(tick, 1000);
    listen();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) { forget(); listen(); } });
  addEventListener("pagehide", hangUp);
  addEventListener("offline", lost);
  addEventListener("online", listen);
})();
