/** Breakout rooms: rooms for parts of the people of a room, its parent. All requests throw `Refused`. */

import { talk, type Participant, type Room } from "../../core/api";
import { isModerator, RoomType } from "../../core/constants";
import { session } from "../../core/session.svelte";
import { canManage } from "../../people/rules";
import { rooms } from "../rooms.svelte";
import { isBreakoutRoom } from "../rules";

export const MOST_ROOMS = 20;
export const BreakoutMode = { none: 0, automatic: 1, manual: 2, free: 3 } as const;
export const BreakoutStatus = { stopped: 0, started: 1, assistance: 2 } as const;

/** The number of a breakout room, counted from 0, by attendee id. Who is missing is in none. */
export type Assignment = Record<number, number>;

/** Returns whether the caller can have breakout rooms made of the people in a room. */
export function canDivide(room: Room): boolean {
  const isPossible = session.capabilities.spreed.config.call["breakout-rooms"];
  const isAlone = room.type === RoomType.group && !isBreakoutRoom(room);
  return isPossible && isAlone && canManage(room) && room.actorType === "users";
}

export function isOpen(parent: Room): boolean {
  return parent.breakoutRoomStatus === BreakoutStatus.started;
}

export function needsHelp(room: Room): boolean {
  return isBreakoutRoom(room) && room.breakoutRoomStatus === BreakoutStatus.assistance;
}

/** Returns the participants of the room `parent` who can be assigned. Moderators are in all breakout rooms. */
export function assignable(people: Participant[], parent: string): Participant[] {
  return people.filter(
    (each) => each.roomToken === parent && each.actorType === "users" && !isModerator(each.participantType),
  );
}

/** Returns who is in which of the rooms. */
export function assignmentOf(people: Participant[], parent: string, divided: Room[]): Assignment {
  const numbers = new Map(divided.map((room, number) => [room.token, number]));
  const found: Assignment = {};
  for (const person of assignable(people, parent)) {
    const own = people.find((each) => each.actorId === person.actorId && numbers.has(each.roomToken));
    if (own) found[person.attendeeId] = numbers.get(own.roomToken) ?? 0;
  }
  return found;
}

/** Shows the rooms of an answer in the list. */
function noted(answer: Room[]): void {
  for (const room of answer) rooms.set(room);
}

export async function listRooms(parent: string): Promise<Room[]> {
  return talk.get("v4/room/{token}/breakout-rooms", { path: { token: parent } });
}

/** Lists the participants of the parent and of the breakout rooms that the caller is in. */
export async function listPeople(parent: string): Promise<Participant[]> {
  return talk.get("v4/room/{token}/breakout-rooms/participants", { path: { token: parent } });
}

export async function createRooms(parent: Room, mode: number, amount: number, assigned: Assignment): Promise<void> {
  const body = { mode, amount, attendeeMap: JSON.stringify(assigned) };
  noted(await talk.post("v1/breakout-rooms/{token}", { path: { token: parent.token }, body }));
}

export async function assign(parent: Room, assigned: Assignment): Promise<void> {
  const body = { attendeeMap: JSON.stringify(assigned) };
  noted(await talk.post("v1/breakout-rooms/{token}/attendees", { path: { token: parent.token }, body }));
}

export async function setOpen(parent: Room, isOn: boolean): Promise<void> {
  const path = { token: parent.token };
  noted(
    isOn
      ? await talk.post("v1/breakout-rooms/{token}/rooms", { path })
      : await talk.delete("v1/breakout-rooms/{token}/rooms", { path }),
  );
}

export async function broadcast(parent: Room, message: string): Promise<void> {
  noted(await talk.post("v1/breakout-rooms/{token}/broadcast", { path: { token: parent.token }, body: { message } }));
}

export async function removeRooms(parent: Room): Promise<void> {
  rooms.set(await talk.delete("v1/breakout-rooms/{token}", { path: { token: parent.token } }));
  await rooms.refresh();
}

/** Moves the caller to another room, where people choose for themselves. */
export async function switchTo(parent: Room, target: string): Promise<void> {
  await talk.post("v1/breakout-rooms/{token}/switch", { path: { token: parent.token }, body: { target } });
}

export async function askForHelp(room: Room, isWanted: boolean): Promise<void> {
  const path = { token: room.token };
  rooms.set(
    isWanted
      ? await talk.post("v1/breakout-rooms/{token}/request-assistance", { path })
      : await talk.delete("v1/breakout-rooms/{token}/request-assistance", { path }),
  );
}
