// A text field for code: line numbers, Tab that indents and lets go, a warning before text is lost.
const INDENT = "    ";

function enhance(editor) {
  const field = editor.querySelector("textarea");
  const gutter = editor.querySelector("[data-lines]");
  const began = field.value;
  let count = 0;
  let leaves = false; // after Esc the next Tab moves on, as everywhere else

  function number() {
    const lines = field.value.split("\n").length;
    if (lines === count) return;
    count = lines;
    gutter.textContent = Array.from({ length: count }, (_, index) => index + 1).join("\n");
    follow();
  }

  function follow() {
    gutter.style.transform = `translateY(${-field.scrollTop}px)`;
  }

  field.addEventListener("input", number);
  field.addEventListener("scroll", follow, { passive: true });
  field.addEventListener("focus", () => (leaves = false));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaves = true;
    else if (event.key !== "Tab") leaves = event.key === "Shift" ? leaves : false;
    else if (!leaves && !event.altKey && !event.ctrlKey && !event.metaKey && !event.isComposing) {
      event.preventDefault();
      if (event.shiftKey) outdent(field);
      else indent(field);
    }
  });

  const form = field.form;
  let saving = false;
  form.addEventListener("submit", () => (saving = true));
  addEventListener("pageshow", () => (saving = false));
  addEventListener("beforeunload", (event) => {
    if (!saving && (field.value !== began || "unsaved" in form.dataset)) event.preventDefault();
  });
  number();
}

function indent(field) {
  if (field.selectionStart === field.selectionEnd) {
    const column = field.selectionStart - lineStart(field, field.selectionStart);
    put(field, tabs(field) ? "\t" : INDENT.slice(column % INDENT.length));
  } else {
    eachLine(field, (line) => (line === "" ? line : (tabs(field) ? "\t" : INDENT) + line));
  }
}

function outdent(field) {
  eachLine(field, (line) => line.replace(/^(\t| {1,4})/, ""));
}

// Whether the file is indented by tabs: the first indented line tells.
function tabs(field) {
  return /^[\t ]/m.exec(field.value)?.[0] === "\t";
}

// The lines the selection touches are replaced in one step, so that one undo takes it back.
function eachLine(field, change) {
  const { selectionStart, selectionEnd, value } = field;
  const start = lineStart(field, selectionStart);
  const last = selectionEnd > selectionStart && value[selectionEnd - 1] === "\n" ? selectionEnd - 1 : selectionEnd;
  const next = value.indexOf("\n", last);
  const end = next === -1 ? value.length : next;
  const old = value.slice(start, end);
  const fresh = old.split("\n").map(change).join("\n");
  if (fresh === old) return;
  const was = old.split("\n", 1)[0].length;
  const is = fresh.split("\n", 1)[0].length;
  field.setSelectionRange(start, end);
  put(field, fresh);
  if (selectionStart === selectionEnd) {
    const caret = Math.max(start, selectionStart + is - was);
    field.setSelectionRange(caret, caret);
  } else {
    field.setSelectionRange(start, start + fresh.length);
  }
}

function lineStart(field, position) {
  return field.value.lastIndexOf("\n", position - 1) + 1;
}

// The old command is the only one that keeps the browser's undo.
function put(field, text) {
  const done = text === "" ? document.execCommand("delete") : document.execCommand("insertText", false, text);
  if (done) return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input"));
}

document.querySelectorAll("[data-editor]").forEach(enhance);
