// Pages of figures and keys: times as the person's clock has them, and asking twice.
import { listenToArming } from "./arm.js";
import { localize } from "./clock.js";

localize();
listenToArming();
