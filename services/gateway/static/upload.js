// Dropping files on the form, and a look at what was chosen before it is sent.
const language = document.documentElement.lang;
const units = ["byte", "kilobyte", "megabyte"].map(
  (unit) => new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }),
);

function enhance(form) {
  const input = form.querySelector("input[type=file]");
  const names = form.querySelector("[data-names]");
  const limit = Number(form.dataset.limit);
  const most = Number(form.dataset.most);
  const kept = form.querySelector("#name-keep"); // the name of the old version will do

  function show() {
    const files = [...input.files];
    const seen = new Set();
    const rows = files.map((file) => row(file, names.dataset, limit, kept?.checked, isRepeated(file, seen)));
    if (files.length > most) rows.unshift(warning(names.dataset.tooMany));
    names.replaceChildren(...rows);
  }

  form.addEventListener("change", show);
  for (const kind of ["dragenter", "dragover"]) {
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("dropping");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    form.addEventListener(kind, () => form.classList.remove("dropping"));
  }
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length === 0) return;
    input.files = event.dataTransfer.files;
    show();
    form.querySelector("button").focus();
  });
  addEventListener("pageshow", show);
}

function warning(words) {
  const item = document.createElement("li");
  item.className = "refused";
  item.textContent = words;
  return item;
}

// Names are the same in their one spelling, as the server compares them.
function isRepeated(file, seen) {
  const spelling = file.name.normalize("NFC");
  const repeated = seen.has(spelling);
  seen.add(spelling);
  return repeated;
}

function row(file, words, limit, keepsName, repeated) {
  const item = document.createElement("li");
  const name = document.createElement("bdi"); // a name from right to left stays a name
  name.className = "name";
  name.textContent = file.name;
  const note = document.createElement("span");
  note.textContent = size(file.size);
  if (!keepsName && !file.name.endsWith(".py")) refuse(note, words.notPython);
  else if (file.size > limit) refuse(note, words.tooLarge);
  else if (repeated && words.repeated) refuse(note, words.repeated);
  item.append(name, " ", note);
  return item;
}

function size(bytes) {
  const step = Math.min(2, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return units[step].format(bytes / 1024 ** step);
}

function refuse(note, reason) {
  note.className = "refused";
  note.textContent = reason;
}

document.querySelectorAll("form[data-upload]").forEach(enhance);
