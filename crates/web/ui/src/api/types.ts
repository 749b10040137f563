// What the server says, after it was checked: the shapes of /api/v1 in the page's own terms. Instants are
// milliseconds since 1970 (UTC), points are fractions of the picture. Checking is `guards.ts`'s work.

export const CLASSES = ["car", "bus", "truck", "motorcycle", "bicycle", "pedestrian"] as const;
/** The six kinds of road user. There is no finer one. */
export type RoadUserClass = (typeof CLASSES)[number];

/** The classes that have bins of one minute; the others are only known by the quarter of an hour. */
export const MOTOR_CLASSES: readonly RoadUserClass[] = ["car", "bus", "truck"];

export const DIRECTIONS = ["forward", "backward"] as const;
/** Forward is from the left hand to the right hand of someone who walks along the line. */
export type Direction = (typeof DIRECTIONS)[number];

export const STATES = ["connecting", "live", "reconnecting", "ended", "failed"] as const;
/** `unknown` is what a newer server says and this page does not know yet. */
export type CameraState = (typeof STATES)[number] | "unknown";

export const BIN_LENGTHS = ["1m", "15m"] as const;
/** The two lengths that the page shows. */
export type BinLength = (typeof BIN_LENGTHS)[number];

export type Grade = "good" | "fair" | "poor";

export interface Point {
  x: number;
  y: number;
}

export interface Line {
  id: string;
  points: [Point, Point];
}

export interface Zone {
  id: string;
  kind: string;
  polygon: Point[];
}

/** Mean milliseconds that a frame spent in each stage over the last seconds; null where none went through it. */
export interface Stages {
  decodeMs: number | null;
  waitMs: number | null;
  detectMs: number | null;
  trackMs: number | null;
  resultMs: number | null;
}

/** How the machine keeps up with all cameras. */
export interface Machine {
  workers: number;
  /** 0 to 1. */
  busyShare: number;
  waitingFrames: number;
  /** Share of their rates at which cameras are analysed: 1, or less while the machine is overloaded. */
  rateShare: number;
  storeMs: number | null;
  spooledRows: number;
}

export interface CameraStatus {
  camera: string;
  state: CameraState;
  since: number;
  reason: string | null;
  lastFrameAt: number | null;
  receivedFps: number;
  analysedFps: number;
  /** 0 to 1. */
  droppedShare: number;
  /** The same by reason. */
  droppedFor: { behind: number; slowed: number; failed: number };
  /** Share of analysed frames that the detector was spared, 0 to 1. */
  gatedShare: number;
  stages: Stages;
  /** The rate that an overloaded machine has slowed the camera to; null at its full rate. */
  slowedToFps: number | null;
  sizePx: [number, number] | null;
  reconnects: number;
}

export interface Camera {
  id: string;
  name: string;
  department: string;
  profile: string;
  /** Without credentials, as the server shows it. */
  source: string;
  calibrated: boolean;
  lines: Line[];
  zones: Zone[];
  status: CameraStatus;
}

export interface Count {
  line: string;
  direction: Direction;
  class: RoadUserClass;
  count: number;
  /** Where the true count is to be expected, lowest and highest; only in bins of a quarter of an hour or longer. */
  band?: readonly [number, number];
  /** How often each sign was seen that the count may be wrong; only in such bins. */
  signs?: Readonly<Record<string, number>>;
}

/** One closed bin of one camera. Pairs of line, direction and class that are not in `counts` are zero. */
export interface ClosedBin {
  start: number;
  end: number;
  counts: Count[];
  observedS: number;
  /** 0 to 1. */
  droppedShare: number;
  grade: Grade;
}

/** A class symbol on the grid of 32 × 18. */
export interface Icon {
  class: RoadUserClass;
  column: number;
  row: number;
}

export const GRID = { columns: 32, rows: 18 } as const;

/** Least first, as in CAP 1.2. */
export const SEVERITIES = ["minor", "moderate", "severe", "extreme"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** "unknown": nobody watched its end. */
export type IncidentState = "open" | "ended" | "unknown";

/** One value that was found against the setting that it was held against. */
export interface Reason {
  what: string;
  value: number;
  setting: string;
  limit: number;
}

/** A hazard on a road or a fault of a camera, as it stands; a larger revision is newer. */
export interface Incident {
  id: string;
  camera: string;
  revision: number;
  /** One of `INCIDENT_KINDS`, or one that this page does not know yet. */
  kind: string;
  state: IncidentState;
  severity: Severity;
  /** 0 to 1. */
  confidence: number;
  zone: string | null;
  startedAt: number;
  detectedAt: number;
  lastSeenAt: number;
  endedAt: number | null;
  /** In the picture, and on the map where that is known. */
  place: { image: Point; lonLat: [number, number] | null } | null;
  why: Reason[];
}

/** As it began, and as the rule was fulfilled. */
export type StillKind = "start" | "confirmed";

export type LiveEvent =
  | { kind: "incident"; incident: Incident }
  | { kind: "hello"; version: string; timeZone: string | null; icons: boolean }
  | { kind: "lagged" }
  | { kind: "machine"; machine: Machine }
  | { kind: "camera"; status: CameraStatus }
  | { kind: "bins"; camera: string; length: BinLength; bin: ClosedBin; nextCloseAt: number | null }
  | { kind: "icons"; camera: string; icons: Icon[] };

export interface Readiness {
  /** Whether closed bins are kept; without the database they are while they wait on disk. */
  ready: boolean;
  database: boolean;
  /** What is not as it should be. */
  detail: string;
}

export const DAY_BINS = ["15m", "1h"] as const;
/** The lengths of bin in which a day is put beside what is usual. */
export type DayBin = (typeof DAY_BINS)[number];

/** Counts of the same bin on the same weekday of past weeks: median and quartiles of `days` days. */
export interface Usual {
  median: number;
  low: number;
  high: number;
  days: number;
}

/** A bin of a day beside what is usual. */
export interface TypicalBin {
  camera: string;
  /** Null where lines are summed. */
  line: string | null;
  direction: Direction | null;
  start: number;
  end: number;
  /** Null where the bin was not watched whole. */
  count: number | null;
  /** Null where fewer than three of the days were. */
  usual: Usual | null;
}

/** A camera's day against what is usual, over the hours of which both are known. */
export interface Mover {
  camera: string;
  count: number;
  usual: number;
  /** Fewer than usual where negative. */
  difference: number;
  /** Null where usually nobody comes. */
  ratio: number | null;
  hours: number;
}

/** Four quarters of an hour in a row. */
export interface PeakHour {
  start: number;
  end: number;
  volume: number;
  highestQuarter: number;
  /** Peak-hour factor; null where nobody came. */
  factor: number | null;
}

/** The busiest hour of a line and direction; null where no hour was watched whole. */
export interface Peak {
  camera: string;
  line: string;
  direction: Direction;
  hour: PeakHour | null;
}

/** Quarters of an hour in a row that a camera did not watch, or not whole. */
export interface Gap {
  camera: string;
  start: number;
  end: number;
  observedS: number;
  missingS: number;
}
