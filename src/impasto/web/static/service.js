// The service: requests, events and errors over HTTP.

export class ServiceError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new ServiceError(0, "");
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  const told = await response.json().catch(() => ({}));
  throw new ServiceError(response.status, told.error?.message ?? `${response.status}`);
}

const post = (path, body) => call(path, { method: "POST", body });

export const about = () => call("/api/about");
export const jobs = async () => (await call("/api/jobs")).jobs;
export const job = (id) => call(`/api/jobs/${encodeURIComponent(id)}`);
export const stop = (id) => post(`/api/jobs/${encodeURIComponent(id)}/stop`);
export const resume = (id) => post(`/api/jobs/${encodeURIComponent(id)}/resume`);
export const forget = (id) => call(`/api/jobs/${encodeURIComponent(id)}`, { method: "DELETE" });

export function enter(token) {
  const headers = { "content-type": "application/json" };
  return call("/api/session", { method: "POST", headers, body: JSON.stringify({ token }) });
}

// Send a request; files is a Map of the names in the request to files; format: of a clip.
export function send(request, files, format = "") {
  const form = new FormData();
  form.append("request", JSON.stringify(request));
  if (format) form.append("format", format);
  for (const [name, file] of files) form.append(name, file);
  return post("/api/jobs", form);
}

// The request in the metadata of a picture that Impasto made.
export async function requestOf(file) {
  const form = new FormData();
  form.append("picture", file);
  return (await post("/api/settings", form)).request;
}

// A job as a command, as a program, and the names of its files.
export const code = (id) => call(`/api/jobs/${encodeURIComponent(id)}/code`);

// What a request would take: seconds, bytes, the longest side that the machine can paint; shapes
// are width and height of its uploads, which are not sent.
export function plan(request, shapes, signal) {
  const headers = { "content-type": "application/json" };
  return call("/api/plan", { method: "POST", headers, body: JSON.stringify({ request, shapes }), signal });
}

const EVENTS = ["state", "planned", "progress", "preview", "note", "finished", "failed"];

// Follow a job: listener(event, data) until it ends; returns a function that ends it sooner.
export function follow(id, listener, onLost) {
  const source = new EventSource(`/api/jobs/${encodeURIComponent(id)}/events`);
  for (const event of EVENTS) {
    source.addEventListener(event, (message) => {
      const data = JSON.parse(message.data);
      listener(event, data);
      if (event === "state" && !["queued", "running"].includes(data.state)) source.close();
    });
  }
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) onLost();
  });
  return () => source.close();
}

export const previewOf = (id, number) => `/api/jobs/${encodeURIComponent(id)}/preview?n=${number}`;

export function resultOf(id, format, download = false) {
  return `/api/jobs/${encodeURIComponent(id)}/result?format=${format}${download ? "&download" : ""}`;
}
