// The page itself: notes that are kept by an API.

import { api, events, session, signIn, signInHere, signOut } from "/session.js";

const $ = (id) => document.getElementById(id);

/** Why somebody has to log in, by what `GET /session` says in `ended`. */
const WHY = {
  idle: "You were away for a while. Please log in again.",
  absolute: "It has been a long time. Please log in again.",
  signed_out: "You have logged out.",
  ended_by_provider: "You have logged out.",
};

/** Who is signed in, or was. */
let person;

/** The last time that the notes were asked for. An answer to any other is late, or for somebody else. */
let asked = null;

events.addEventListener("change", show);
events.addEventListener("refused", ({ detail }) => complain(`The login failed: ${detail.code}. If you ask for help, mention ${detail.id}.`));
addEventListener("hashchange", show);
addEventListener("unhandledrejection", ({ reason }) => complain(reason.message));

$("in-pop-up").addEventListener("click", signIn);
$("in-this-window").addEventListener("click", signInHere);
$("sign-out").addEventListener("click", () => {
  keepDraft("");
  signOut();
});
$("text").addEventListener("input", () => keepDraft($("text").value));
$("new-note").addEventListener("submit", (event) => {
  event.preventDefault();
  save($("text").value);
});

/** Shows what the session and the address of the page say. */
function show() {
  const { signed_in, claims } = session;
  const page = location.hash === "#/me" ? "me" : "notes";
  $("who").textContent = signed_in ? claims.name ?? claims.sub : "";
  $("why").textContent = WHY[session.ended] ?? (person ? "Please log in again to go on." : "Log in to see your notes.");
  $("sign-in").hidden = signed_in;
  $("pages").hidden = $("sign-out").hidden = !signed_in;
  for (const section of ["notes", "me"]) $(section).hidden = !signed_in || section !== page;
  complain("");
  if (!signed_in) return clear();
  showMe();
  if (person !== claims.sub) {
    person = claims.sub;
    $("text").value = draft();
    clear();
  }
  if (!asked) load();
}

/** Leaves nobody's notes on the page. */
function clear() {
  $("list").replaceChildren();
  asked = null;
}

function showMe() {
  const lines = Object.entries(session.claims).flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
  $("claims").replaceChildren(...lines);
  $("ends").textContent = new Date(session.ends_at * 1000).toLocaleString();
}

async function load() {
  const mine = asked = Symbol();
  const response = await api("/notes");
  if (!response.ok) return complain("The notes cannot be read at the moment.");
  const notes = await response.json();
  if (mine === asked) $("list").replaceChildren(...notes.map((note) => element("li", note)));
}

async function save(text) {
  const response = await api("/notes", { method: "POST", body: text });
  if (!response.ok) return complain("The note has not been saved.");
  keepDraft("");
  $("text").value = "";
  load();
}

/** What somebody is writing outlasts a login in this window, and is nobody else's. */
function keepDraft(text) {
  sessionStorage.setItem(`draft of ${person}`, text);
}

function draft() {
  return sessionStorage.getItem(`draft of ${person}`) ?? "";
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
