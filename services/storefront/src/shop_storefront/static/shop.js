// What HTML and htmx do not do by themselves. Pages work without it.

// Suggestions of the search: arrows choose, Enter goes there, Escape closes (ARIA's combobox pattern).
const field = document.getElementById("q");
const list = document.getElementById("suggestions");
if (field && list) {
  let chosen = -1;
  const options = () => [...list.querySelectorAll('[role="option"]')];
  const show = () => {
    chosen = -1;
    field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-expanded", String(options().length > 0));
  };
  const close = () => { list.replaceChildren(); show(); };
  const choose = (next) => {
    const all = options();
    chosen = (next + all.length) % all.length;
    all.forEach((each, index) => each.setAttribute("aria-selected", String(index === chosen)));
    field.setAttribute("aria-activedescendant", all[chosen].id);
  };
  list.addEventListener("htmx:afterSwap", show);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); return; }
    if (!options().length) return;
    if (event.key === "ArrowDown") { event.preventDefault(); choose(chosen + 1); }
    if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen < 0 ? -1 : chosen - 1); }
    if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); options()[chosen].click(); }
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
  field.form.addEventListener("focusout", (event) => { if (event.relatedTarget && !field.form.contains(event.relatedTarget)) close(); });
}

// A request of htmx that failed says so where notices stand.
function failed() {
  const place = document.getElementById("notices");
  const text = document.createElement("p");
  text.textContent = document.body.dataset.failed;
  const box = document.createElement("div");
  box.className = "notice error";
  box.append(text);
  place.replaceChildren(box);
  place.scrollIntoView({ block: "nearest" });
}
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => { if (event.target !== field && !event.target.closest("[data-quiet]")) failed(); });
}

// A choice that is sent when it is made, without its button: <form data-auto>.
document.addEventListener("change", (event) => event.target.closest("form[data-auto]")?.requestSubmit());

// News of what the page shows: one connection, and only while somebody looks. A browser has six for all its tabs.
const { live } = document.body.dataset;
if (live) {
  const names = ["order", "inbox"];
  const tell = (name) => htmx.trigger(document.body, name);
  let source, later;
  const listen = () => {
    clearTimeout(later);
    source?.close();
    if (document.hidden) return;
    source = new EventSource(live);
    names.forEach((name) => source.addEventListener(name, () => tell(name)));
    source.onerror = () => { // refused: the page looks by itself, and asks again
      if (source.readyState === EventSource.CLOSED) later = setTimeout(() => { names.forEach(tell); listen(); }, 15000 + 10000 * Math.random());
    };
  };
  document.addEventListener("visibilitychange", listen);
  document.addEventListener("DOMContentLoaded", listen);
}
