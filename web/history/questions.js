// @ts-check
// Questions to the server that may take long: asked one after another, and only while wanted.

/**
 * @typedef {{ key: string, ask: () => Promise<any> }} Question
 * @typedef {{ value?: any, error?: unknown }} Answer
 */

export class Questions {
  /** @param {() => void} tell called with each answer */
  constructor(tell) {
    this.tell = tell;
    /** @type {Map<string, Answer>} */
    this.answers = new Map();
    /** @type {Question[]} */
    this.wanted = [];
    this.asking = "";
    this.turn = 0;
  }

  /** Ask these from now on, in this order, and no others. @param {Question[]} questions */
  want(questions) {
    this.wanted = questions.filter(({ key }) => !this.answers.has(key));
    if (this.wanted.some(({ key }) => key === this.asking)) return;
    this.turn += 1;
    this.go(this.turn);
  }

  /** Forget what is known of some, and don't believe what comes of them. @param {(key: string) => boolean} which */
  forget(which) {
    for (const key of [...this.answers.keys()].filter(which)) this.answers.delete(key);
    if (which(this.asking)) this.asking = "";
  }

  close() {
    this.wanted = [];
    this.turn += 1;
  }

  /** @param {number} turn */
  async go(turn) {
    for (;;) {
      const next = this.wanted.find(({ key }) => !this.answers.has(key));
      this.asking = next?.key ?? "";
      if (!next) return;
      /** @type {Answer} */
      const answer = await next.ask().then(
        (value) => ({ value }),
        (error) => ({ error }),
      );
      if (turn !== this.turn || this.asking !== next.key) return;
      this.asking = "";
      this.answers.set(next.key, answer);
      this.tell();
      if (turn !== this.turn) return;
    }
  }
}
