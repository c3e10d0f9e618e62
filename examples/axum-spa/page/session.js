// Who is signed in, for the scripts of a page: all that a single-page application needs of the gate. Copy this file.
// There is no secret in it. The session is in a cookie that no script can read, and the tokens are on the server.

/** What `GET /session` said last. */
export let session = { signed_in: false };

/** Tells of a "change" of the session, and that a login in a pop-up was "refused". */
export const events = new EventTarget();

/** Old browsers do not say where a request comes from. They need this, which no other site can send. */
const FROM_HERE = { "X-CSRF": "1" };

/** Here the tabs of this application hear of each other's logouts, and of logins in pop-ups. */
const channel = new BroadcastChannel("latchgate");
channel.addEventListener("message", ({ data }) => {
  if (data.outcome === "refused") events.dispatchEvent(new CustomEvent("refused", { detail: data }));
  else check();
});

// The provider tells the server of a logout, and nobody tells the page: it asks when somebody looks at it.
addEventListener("pageshow", check);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && check());

let tag = "";
let timer;

/** Asks who is signed in. Costs next to nothing while nothing has changed. */
export async function check() {
  const response = await fetch("/session", { headers: { "If-None-Match": tag } });
  if (response.status !== 200) return;
  tag = response.headers.get("ETag");
  session = await response.json();
  clearTimeout(timer);
  if (session.signed_in) {
    // The clock of this machine may be wrong.
    const now = Date.parse(response.headers.get("Date"));
    timer = setTimeout(check, Math.min(session.ends_at * 1000 - now + 1000, 2 ** 31 - 1));
  }
  events.dispatchEvent(new Event("change"));
}

/** Signs in in a pop-up, beside the page. For a click: browsers block pop-ups that nobody has asked for. */
export function signIn() {
  if (!open(`${loginUrl()}&display=popup`, "login", "popup,width=480,height=640")) signInHere();
}

/** Signs in in this window, and comes back to where it is. */
export function signInHere() {
  location.assign(loginUrl());
}

function loginUrl() {
  const here = location.pathname + location.search + location.hash;
  return `${session.login}?return_to=${encodeURIComponent(here)}`;
}

/** Signs out here, in the other tabs, and at the provider. */
export async function signOut() {
  const headers = { Accept: "application/json", ...FROM_HERE };
  const response = await fetch(session.logout, { method: "POST", headers });
  const { location: next } = await response.json();
  channel.postMessage({ type: "logout" });
  location.assign(next);
}

/** Calls the API. If the session is over, this waits until the same person has signed in again, and goes on. */
export async function api(path, options = {}) {
  const response = await fetch(`/api${path}`, { ...options, headers: { ...options.headers, ...FROM_HERE } });
  if (response.status !== 401) return response;
  const person = session.claims?.sub;
  await check();
  if (session.signed_in) return response;
  await signedIn(person);
  return api(path, options);
}

function signedIn(person) {
  return new Promise((resolve, reject) => {
    events.addEventListener("change", function listener() {
      if (!session.signed_in) return;
      events.removeEventListener("change", listener);
      if (session.claims.sub === person) resolve();
      else reject(new Error("Somebody else has signed in."));
    });
  });
}
