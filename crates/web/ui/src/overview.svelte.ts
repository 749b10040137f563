// What the operator chose on the overview; it stays while other views are looked at.

import type { CameraState } from "./api/types";

class OverviewChoice {
  typed = $state("");
  state = $state<CameraState | null>(null);
  department = $state("");
  /** Rows or cards; null leaves it to the number of cameras. */
  rows = $state<boolean | null>(null);
}

export const overview = new OverviewChoice();
