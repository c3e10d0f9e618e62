const told = { type: "login", ...document.currentScript.dataset };
if (window.BroadcastChannel) new BroadcastChannel("latchgate").postMessage(told);
if (window.opener) window.opener.postMessage(told, location.origin);
window.close();
