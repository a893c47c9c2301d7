/** Whether the panel beside the chat is open, and what it shows. */

const WIDE = matchMedia("(min-width: 64rem)");
const KEY = "talkd.details";

export type DetailsTab = "people" | "shared" | "settings";

class Details {
  isOpen = $state(WIDE.matches && localStorage.getItem(KEY) === "open");
  tab = $state<DetailsTab>("people");

  /** Closes the panel where it covers the chat. */
  uncover(): void {
    if (!WIDE.matches) this.isOpen = false;
  }

  toggle(): void {
    this.isOpen = !this.isOpen;
    localStorage.setItem(KEY, this.isOpen ? "open" : "");
  }
}

export const details = new Details();
