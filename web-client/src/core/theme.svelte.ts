/** Light or dark colours, and more contrast: what this browser remembers, or what the system wants. */

export type Theme = "system" | "light" | "dark";

const THEME = "talkd.theme";
const CONTRAST = "talkd.contrast";

class Look {
  theme = $state<Theme>((localStorage.getItem(THEME) as Theme | null) ?? "system");
  isDark = $state(false);
  hasMoreContrast = $state(localStorage.getItem(CONTRAST) === "more");
  #wantsDark = matchMedia("(prefers-color-scheme: dark)");
  #wantsContrast = matchMedia("(prefers-contrast: more)");

  start(): void {
    this.#wantsDark.addEventListener("change", () => this.#show());
    this.#wantsContrast.addEventListener("change", () => this.#show());
    this.#show();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(THEME, theme);
    this.#show();
  }

  setContrast(more: boolean): void {
    this.hasMoreContrast = more;
    localStorage.setItem(CONTRAST, more ? "more" : "");
    this.#show();
  }

  #show(): void {
    this.isDark = this.theme === "dark" || (this.theme === "system" && this.#wantsDark.matches);
    const { dataset } = document.documentElement;
    dataset["theme"] = this.isDark ? "dark" : "light";
    dataset["contrast"] = this.hasMoreContrast || this.#wantsContrast.matches ? "more" : "";
  }
}

export const look = new Look();
