/** Values of the settings of a room. */

const HOUR = 3600;
const DAY = 24 * HOUR;

/** The seconds after which messages can expire; 0 for never. */
export const EXPIRATIONS = [0, HOUR, 8 * HOUR, DAY, 7 * DAY, 28 * DAY];

/** The value of the server's setting with which each room says whether recordings need consent. */
export const CONSENT_BY_ROOM = 2;
