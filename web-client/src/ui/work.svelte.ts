/** Requests that a part of the page makes one at a time, and whether one is on its way. */

import { attempt } from "./attempt";

export class Work {
  isBusy = $state(false);

  /** Runs the work as `attempt` does. The buttons that start it are disabled meanwhile. */
  readonly attempt: typeof attempt = async (work, onfailed) => {
    this.isBusy = true;
    try {
      return await attempt(work, onfailed);
    } finally {
      this.isBusy = false;
    }
  };
}
