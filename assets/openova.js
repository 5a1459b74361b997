// What only the browser can know: how old a figure is now, and whether updates still arrive. Plus the keyboard.
// Plain script, no library; everything is found by data attributes, so it survives every re-render.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, scope = document) => Array.from(scope.querySelectorAll(selector));
  let offset = 0; // server clock minus browser clock, ms: ages are those of the server
  let pulseSeen = performance.now();
  let pulseAt = "";

  function span(seconds) {
    const s = Math.max(0, Math.round(seconds));
    if (s < 100) return `${s} s`;
    if (s < 3600) return s < 600 && s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.round(s / 60)} min`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
    return `${Math.round(s / 86400)} d`;
  }

  function utc(instant) {
    return new Date(instant).toISOString().slice(11, 19) + " UTC";
  }

  function readPulse() {
    const pulse = document.getElementById("pulse");
    const at = pulse ? pulse.dataset.at : "";
    if (at && at !== pulseAt) {
      pulseAt = at;
      pulseSeen = performance.now();
      offset = Date.parse(at) - Date.now();
    }
    return pulse;
  }

  // A page whose session has ended is refused silently at the socket: ask, and go to sign in, coming back to this page
  async function askWhetherSignedIn() {
    try {
      const answer = await fetch("/auth/me", { headers: { Accept: "application/json" } });
      if (answer.status === 401) location.assign("/auth/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
    } catch { /* the console does not answer at all: the banner says so already */ }
  }

  function tick() {
    const pulse = readPulse();
    if (!pulseAt) return; // nothing has arrived yet: the page still belongs to the framework that is taking it over
    const now = Date.now() + offset;
    for (const element of all("time[data-age]")) {
      const at = Date.parse(element.dateTime);
      const past = (now - at) / 1000, kind = element.dataset.age;
      const text = Number.isNaN(at) ? "" : kind === "until" ? "in " + span(-past) : span(past) + (kind === "ago" ? " ago" : "");
      if (element.textContent !== text) element.textContent = text;
      if (!Number.isNaN(at)) element.title = new Date(at).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
      const limit = Number(element.dataset.fresh);
      element.toggleAttribute("data-stale", Boolean(limit) && !Number.isNaN(at) && (now - at) / 1000 > limit);
    }
    for (const clock of all("[data-clock]")) clock.textContent = utc(now);
    const limit = Number(pulse && pulse.dataset.limit) || 8;
    const silent = (performance.now() - pulseSeen) / 1000;
    const off = Boolean(pulseAt) && silent > limit;
    if (off !== (root.dataset.live === "off")) {
      if (off) root.dataset.live = "off"; else delete root.dataset.live;
      const note = document.getElementById("announcer");
      if (note) note.textContent = off ? "Updates have stopped." : "Updates arrive again.";
    }
    if (off && Math.round(silent) % 5 === 0) askWhetherSignedIn();
    for (const element of all("[data-lost-for]")) element.textContent = span(silent);
    for (const element of all("[data-lost-at]")) element.textContent = pulseAt ? utc(Date.parse(pulseAt)) : "";
    const marker = document.getElementById("page-title");
    if (marker && marker.dataset.title && document.title !== marker.dataset.title) document.title = marker.dataset.title;
  }

  setInterval(tick, 1000);
  // What people must hear of, as a notification of the browser: only where they have asked for it, and only when nobody looks
  function notify({ dataset: said }) {
    if (!("Notification" in window) || Notification.permission !== "granted" || document.visibilityState === "visible") return;
    if (Date.parse(said.said) < performance.timeOrigin + offset) return; // from before this page was opened
    const shown = new Notification(said.title, { body: said.text, tag: said.notice });
    shown.onclick = () => { window.focus(); if (/^\/(?!\/)/.test(said.link)) location.assign(said.link); };
  }
  const PERMISSION = {
    granted: "Notifications are on in this browser",
    denied: "Notifications are blocked: allow them in the browser's settings of this site",
    default: "Notify me in this browser",
  };
  async function askToNotify(button) {
    if (!("Notification" in window)) { button.textContent = "This browser knows no notifications"; return; }
    button.textContent = PERMISSION[Notification.permission === "default" ? await Notification.requestPermission() : Notification.permission];
  }

  // A dialog that the server opens and closes, and lists that are read again when the books have changed
  let asked = 0, pressed = false; // whether anybody has pressed anything since this page was opened
  document.addEventListener("click", (event) => { pressed = pressed || event.isTrusted; }, true);
  function followed(record) {
    const element = record.target, name = record.attributeName;
    if (name === "data-at") readPulse();
    if (name === "data-wanted") {
      // One that was left open on the page before is forgotten, unless it holds a word that is shown only once
      const forget = element.querySelector("[data-closed]");
      const left = forget && !pressed && !element.querySelector(".secret");
      if (element.dataset.wanted) { if (left) forget.click(); else open(element.id); } else if (element.open) element.close();
    }
    if (name === "data-of" && element.dataset.awaits) compare(element);
    if (name === "data-notice" && record.oldValue && element.dataset.notice) setTimeout(() => notify(element), 0);
    if (name === "data-follow" && record.oldValue && element.dataset.follow !== record.oldValue) {
      clearTimeout(asked);
      asked = setTimeout(() => { if (element.isConnected) element.click(); }, 150);
    }
  }
  new MutationObserver((records) => records.forEach(followed)).observe(document, {
    subtree: true, attributes: true, attributeOldValue: true, attributeFilter: ["data-at", "data-wanted", "data-follow", "data-notice", "data-of"],
  });
  new MutationObserver((records) => {
    if (records.some((r) => Array.from(r.addedNodes).some((n) => n.nodeType === 1))) requestAnimationFrame(tick);
  }).observe(document, { subtree: true, childList: true });
  document.addEventListener("DOMContentLoaded", tick);

  // Dialogs: the platform's own, with its focus trap and Esc
  function open(id, wanted) {
    const dialog = document.getElementById(id);
    if (!dialog) return;
    if (wanted) { dialog.dataset.awaits = wanted; compare(dialog); }
    if (!dialog.open) dialog.showModal();
  }
  // A drawer shows nothing of what it held before: somebody quick could press a button of another object
  function compare(dialog) {
    dialog.toggleAttribute("data-loading", dialog.dataset.awaits !== dialog.dataset.of);
  }
  // However a dialog is closed, the server forgets what it held
  document.addEventListener("close", (event) => {
    const forget = event.target.querySelector && event.target.querySelector("[data-closed]");
    if (forget) forget.click();
  }, true);
  document.addEventListener("click", (event) => {
    const target = event.target.closest ? event.target : null;
    if (!target) return;
    const opener = target.closest("[data-open]");
    if (opener) open(opener.dataset.open, opener.dataset.for);
    const closer = target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
    if (target.tagName === "DIALOG") target.close();
    const link = target.closest(".nav a");
    const nav = document.getElementById("nav");
    if (link && nav && nav.matches(":popover-open")) nav.hidePopover();
    const notifier = target.closest("[data-notify]");
    if (notifier) askToNotify(notifier);
    const copy = target.closest("[data-copy]");
    if (copy && navigator.clipboard) navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent);
  });

  // Command palette: every link of the navigation and every [data-command], filtered by what is typed
  function commands() {
    return all(".nav a[href], [data-command]").map((element) => ({
      label: element.dataset.command || element.textContent.trim(),
      run: () => element.click(),
    }));
  }
  let chosen = 0;
  function draw() {
    const list = document.getElementById("palette-list");
    const input = document.getElementById("palette-input");
    if (!list || !input) return [];
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = commands().filter((c) => wanted.every((w) => c.label.toLowerCase().includes(w)));
    chosen = Math.max(0, Math.min(chosen, found.length - 1));
    list.replaceChildren(...found.map((command, index) => {
      const item = document.createElement("div");
      item.setAttribute("role", "option");
      item.id = `palette-${index}`;
      item.setAttribute("aria-selected", String(index === chosen));
      item.textContent = command.label;
      item.addEventListener("click", () => { document.getElementById("palette").close(); command.run(); });
      return item;
    }));
    if (!found.length) list.textContent = "Nothing matches.";
    input.setAttribute("aria-activedescendant", found.length ? `palette-${chosen}` : "");
    return found;
  }
  function palette() {
    open("palette");
    const input = document.getElementById("palette-input");
    if (input) { input.value = ""; chosen = 0; draw(); input.focus(); }
  }
  document.addEventListener("input", (event) => {
    if (event.target.id === "palette-input") { chosen = 0; draw(); }
  });

  // Keys: "?" help, "g" then a letter goes to a page, "/" or Ctrl-K the palette, j and k walk through a list
  let prefix = 0;
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "palette-input") {
      const found = draw();
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(1, found.length);
        draw();
        event.preventDefault();
      } else if (event.key === "Enter" && found[chosen]) {
        document.getElementById("palette").close();
        found[chosen].run();
        event.preventDefault();
      }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { palette(); event.preventDefault(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.timeStamp - prefix < 1500 && prefix) {
      prefix = 0;
      const link = document.querySelector(`[data-hotkey="g ${CSS.escape(event.key)}"]`);
      if (link) { link.click(); event.preventDefault(); }
      return;
    }
    if (event.key === "g") prefix = event.timeStamp;
    else if (event.key === "?") open("shortcuts");
    else if (event.key === "/") { palette(); event.preventDefault(); }
    else if (event.key === "j" || event.key === "k") {
      const rows = all("main .row-link");
      const index = rows.indexOf(document.activeElement);
      const next = rows[Math.max(0, Math.min(rows.length - 1, index + (event.key === "j" ? 1 : -1)))];
      if (next) next.focus();
    }
  });
})();
