// Dropping files on the form, and a look at what was chosen before it is sent.
const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

function enhance(form) {
  const input = form.querySelector("input[type=file]");
  const names = form.querySelector("[data-names]");
  const sizes = JSON.parse(form.dataset.sizes); // "{n} B", "{n} KB", …
  const limit = Number(form.dataset.limit);
  const most = Number(form.dataset.most);
  const kept = form.querySelector("#name-keep"); // the name of the old version will do

  function show() {
    const files = [...input.files];
    const seen = new Set();
    const rows = files.map((file) => row(file, names.dataset, sizes, limit, kept?.checked, isRepeated(file, seen)));
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

function row(file, words, sizes, limit, keepsName, repeated) {
  const item = document.createElement("li");
  const name = document.createElement("bdi"); // a name from right to left stays a name
  name.className = "name";
  name.textContent = file.name;
  const note = document.createElement("span");
  note.textContent = size(file.size, sizes);
  if (!keepsName && !file.name.endsWith(".py")) refuse(note, words.notPython);
  else if (file.size > limit) refuse(note, words.tooLarge);
  else if (repeated && words.repeated) refuse(note, words.repeated);
  item.append(name, " ", note);
  return item;
}

// As the server writes it.
function size(bytes, sizes) {
  const amounts = sizes.map((_, step) => Math.floor((bytes * 10) / 1024 ** step + 0.5) / 10);
  const fitting = amounts.findIndex((amount) => amount < 1024);
  const step = fitting < 0 ? sizes.length - 1 : fitting;
  return sizes[step].replace("{n}", number.format(amounts[step]));
}

function refuse(note, reason) {
  note.className = "refused";
  note.textContent = reason;
}

document.querySelectorAll("form[data-upload]").forEach(enhance);
