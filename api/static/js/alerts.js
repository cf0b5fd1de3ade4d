// A sound once for each new alert that concerns this person. Browsers allow it after a first gesture.
import { all, one } from "./dom.js";

const NOTES_HZ = [880, 660];
const NOTE_S = 0.16;
let audio = null;

const wanted = () => localStorage.getItem("sound") !== "off";
const heard = () => new Set(JSON.parse(sessionStorage.getItem("heard") ?? "[]"));

function beep() {
  NOTES_HZ.forEach((pitch, place) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const start = audio.currentTime + place * NOTE_S;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.2, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + NOTE_S);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + NOTE_S);
  });
}

// What could not be heard yet stays new, so that the first gesture lets it sound.
export function ringForNew() {
  const known = heard();
  const fresh = all(".calls li[data-concerns]").filter((call) => !known.has(call.id));
  if (!fresh.length || !wanted() || audio?.state !== "running") return;
  beep();
  document.body.dataset.rang = String(Number(document.body.dataset.rang ?? 0) + 1);
  sessionStorage.setItem("heard", JSON.stringify([...known, ...fresh.map((call) => call.id)]));
}

async function wake() {
  if (audio?.state === "running") return;
  audio ??= new AudioContext();
  await audio.resume();
  ringForNew();
}

export function listenToSound() {
  const button = one("#sound");
  const show = () => button.setAttribute("aria-pressed", String(wanted()));
  show();
  button.addEventListener("click", () => {
    localStorage.setItem("sound", wanted() ? "off" : "on");
    show();
    ringForNew();
  });
  for (const gesture of ["pointerdown", "keydown"]) document.addEventListener(gesture, wake);
}
