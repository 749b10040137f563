// By what signs a count may be wrong, in words: why its band is as wide as it is. What each sign is exactly is said in the
// server's reference. Pure.

/** How often each sign was seen, by its name; only those that were. */
export type Signs = Readonly<Record<string, number>>;

/** Those that speak against a count, in the order in which they are told. `counted` and `ended` say nothing against it. */
const WORDS: Readonly<Record<string, string>> = {
  duplicate: "in another one's place",
  merged: "lost in another one",
  inferred: "not seen crossing",
  bridged: "seen again only beyond the line",
  short: "lost before the line",
  behind: "first seen behind the line",
  rejoined: "lost and found at the line",
  crowded: "half hidden",
  sparse: "hardly seen at the line",
  unsure: "never sure enough to count",
  weak: "detected badly",
  astray: "out of nowhere",
  ended_astray: "gone in the middle of the picture",
  part: "perhaps a part of another one",
  wavering: "of doubtful class",
  elsewhere: "counted as another class, perhaps of this one",
  hesitant: "of a slightly doubtful class",
  resembling: "counted as another class, hardly of this one",
  at_end: "at the very end of the line",
  past_end: "just beside the end of the line",
};

/** "3 half hidden, 1 of doubtful class": what speaks against a count; nothing where nothing does. Signs that this page does not
 * know are named as the server names them. */
export function doubtsOf(signs: Signs | undefined): string | null {
  const known = Object.keys(WORDS);
  const more = Object.keys(signs ?? {}).filter((sign) => sign !== "counted" && sign !== "ended" && !known.includes(sign));
  const seen = [...known, ...more].flatMap((sign) => {
    const times = signs?.[sign] ?? 0;
    return times > 0 ? [`${times} ${WORDS[sign] ?? sign}`] : [];
  });
  return seen.length > 0 ? seen.join(", ") : null;
}
