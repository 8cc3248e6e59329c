// Sends a file in pieces, each with its digest, and goes on where an interrupted upload stopped. Without this script the
// form sends the file whole.
(() => {
  "use strict";
  const form = document.getElementById("upload");
  if (!form || !window.fetch) return;
  const PIECE = 8 * 1024 * 1024;
  const TRIES = 5;
  const state = form.querySelector(".upload-state");
  const bar = state.querySelector("progress");
  const line = state.querySelector("[role=status]");
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  const final = (words) => Object.assign(new Error(words), { final: true });

  const say = (words, isBad = false) => {
    line.textContent = words;
    line.className = isBad ? "field-error" : "quiet";
  };

  const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

  const digest = async (piece) =>
    window.crypto && window.crypto.subtle ? hex(await window.crypto.subtle.digest("SHA-256", piece)) : "";

  const ask = async (address, body, headers = {}) => {
    const response = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token, ...headers } });
    const isJson = (response.headers.get("Content-Type") || "").startsWith("application/json");
    if (!isJson) throw final("The portal did not answer as expected. Reload the page, then go on.");
    return { status: response.status, ...(await response.json()) };
  };

  const sendPiece = async (file, at) => {
    const piece = await file.slice(at.offset, at.offset + PIECE).arrayBuffer();
    const sum = await digest(piece);
    const headers = { "Content-Type": "application/octet-stream", "Upload-Offset": String(at.offset) };
    if (sum) headers["Upload-SHA256"] = sum;
    return ask(at.address, piece, headers);
  };

  const send = async (file) => {
    const order = new FormData();
    order.append("name", file.name);
    order.append("size", String(file.size));
    order.append("mark", String(file.lastModified));
    order.append("sha256", form.elements.sha256.value);
    let at = await ask(form.dataset.start, order);
    if (at.status >= 400) throw final(at.words);
    let tries = 0;
    while (!at.done) {
      const percent = file.size ? Math.floor((at.offset / file.size) * 100) : 0;
      bar.value = percent;
      say(`${percent} % of ${file.name}`);
      try {
        const answer = await sendPiece(file, at);
        const canGoOn = answer.offset !== undefined || answer.field === "piece";
        if (answer.status >= 400 && !canGoOn) throw final(answer.words);
        if (answer.status < 400) tries = 0;
        else if ((tries += 1) > TRIES) throw final(answer.words);
        at = { ...at, offset: answer.offset === undefined ? at.offset : answer.offset, done: answer.done };
      } catch (error) {
        if (error.final || (tries += 1) > TRIES) throw error;
        say(`Interrupted; trying again (${tries} of ${TRIES})`, true);
        await wait(500 * 2 ** tries);
      }
    }
    bar.value = 100;
    say("Stored.");
    window.location.assign(at.done);
  };

  form.addEventListener("submit", (event) => {
    const file = form.elements.file.files[0];
    if (!file) return;
    event.preventDefault();
    state.hidden = false;
    form.setAttribute("aria-busy", "true");
    send(file)
      .catch((error) => say(error.final ? error.message : "The portal cannot be reached. Choose the same file to go on.", true))
      .finally(() => form.removeAttribute("aria-busy"));
  });
})();
