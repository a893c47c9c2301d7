/** The call that this page is in, and how it is shown. What holds and shows a call is loaded when one is joined. */

import type { Component } from "svelte";
import type { Room } from "../core/api";
import { router } from "../core/router.svelte";
import type { Call, JoinOptions } from "./call.svelte";

class Calls {
  current = $state.raw<Call | null>(null);
  View = $state.raw<Component<{ call: Call }> | null>(null);
  isChatShown = $state(false);
  /** Whether the user has made the call small. */
  isSmall = $state(false);
  /** The room whose call is to be joined as soon as the room is open. */
  wanted = $state("");

  /** Whether the call fills the page. It is small while another room is open. */
  get isLarge(): boolean {
    const { place } = router;
    return !this.isSmall && place.view === "room" && place.token === this.current?.room.token;
  }

  /** Returns where the chat of a room is: beside its call, behind it, or alone in the page. */
  layoutIn(token: string): "beside" | "behind" | "" {
    if (!this.isLarge || this.current?.room.token !== token) return "";
    return this.isChatShown ? "beside" : "behind";
  }

  /** Joins the call of the open room. Throws `Refused`. */
  async join(room: Room, options: JoinOptions): Promise<void> {
    const [{ Call }, { default: View }] = await Promise.all([import("./call.svelte"), import("./CallView.svelte")]);
    const call = new Call(room, () => (this.current = null));
    await call.join(options);
    [this.current, this.View, this.isSmall] = [call, View, false];
  }

  /** Opens the room and then asks with which devices its call is to be joined. */
  open(token: string): void {
    this.wanted = token;
    router.go({ view: "room", token, message: null });
  }

  /** Shows the call in the whole page. */
  enlarge(call: Call): void {
    this.isSmall = false;
    router.go({ view: "room", token: call.room.token, message: null });
  }
}

export const calls = new Calls();
