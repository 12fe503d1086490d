// People with a browser each: what they see is looked for as a person would, by role and label.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const screenshots =
  process.env.ANTEROOM_SCREENSHOTS ?? fileURLToPath(new URL('../../out/screenshots/', import.meta.url));
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const PATIENCE_MS = 30_000;
export const PASSWORD = 'correct horse battery';

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** One browser profile: its own cookies, a language, a window of some width. */
export class Person {
  #faults = [];

  constructor(context, base, words, walk) {
    Object.assign(this, { context, base, words, walk });
  }

  static async arrive(browser, { base, words, walk, locale, width }) {
    const viewport = { width, height: width < 600 ? 740 : 900 };
    const context = await browser.newContext({ locale, viewport, baseURL: base });
    context.setDefaultTimeout(PATIENCE_MS);
    const person = new Person(context, base, words, walk);
    person.settings = { base, words, walk, locale, width };
    person.page = await person.newTab();
    return person;
  }

  /** A tab whose script errors and blocked loads are remembered. */
  async newTab() {
    const page = await this.context.newPage();
    page.on('pageerror', (error) => this.#faults.push(String(error)));
    page.on('console', (message) => {
      if (/content security policy|refused to/i.test(message.text())) this.#faults.push(message.text());
    });
    return page;
  }

  /** Fills the form in front of it and sends it with its own button. */
  async fill(fields, button, page = this.page) {
    const form = page.locator('main form[method="post"]').first();
    for (const [name, value] of Object.entries(fields)) await form.locator(`[name="${name}"]`).fill(value);
    await form.getByRole('button', { name: button, exact: true }).click();
  }

  async signUp(username) {
    for (const label of [this.words.username, this.words.password]) {
      await this.page.getByLabel(label, { exact: false }).first().waitFor();
    }
    await this.fill({ username, password: PASSWORD, display_name: username }, this.words.signUpSubmit);
  }

  /** Waits until the room shows that one sits in it. */
  async isSeated(page = this.page) {
    const outcome = page.locator('#room[data-state="live"], #room[data-state="refused"]');
    await outcome.waitFor();
    const told = await page.locator('#refused').getAttribute('data-refusal');
    assert.equal(await page.locator('#room').getAttribute('data-state'), 'live', `refused: ${told}`);
    await page.locator('#text').waitFor({ state: 'visible' });
  }

  /** Waits for the panel of a refusal, and checks that it is in words with a way onward. */
  async isRefused(code, words, page = this.page) {
    const panel = page.locator(`#refused[data-refusal="${code}"]`);
    await panel.waitFor({ state: 'visible' });
    assert.ok((await panel.innerText()).includes(words), `${code} in words: ${words}`);
    assert.ok((await panel.locator('[data-action]').count()) > 0, 'with a way onward');
    assert.equal(await page.locator('#chat').isVisible(), false);
    return panel;
  }

  /** Says something by keyboard alone. */
  async say(text, page = this.page) {
    await page.locator('#text').focus();
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
    await this.hears(text, page);
    await page.locator('#messages .pending').waitFor({ state: 'detached' });
    assert.equal(await page.locator('#text').inputValue(), '', 'what was sent is gone from the box');
  }

  async hears(text, page = this.page) {
    await page.locator('#messages').getByText(text, { exact: true }).waitFor();
  }

  /** The list of people names these, and marks oneself. */
  async seesPeople(names, self, page = this.page) {
    const list = page.locator('#people li');
    const told = names.map((name) => (name === self ? `${name} (${this.words.you})` : name)).sort();
    await list.nth(names.length - 1).waitFor({ state: 'attached' });
    assert.deepEqual((await list.allTextContents()).sort(), told);
  }

  /** Keeps a picture, and looks that nothing stands out sideways. */
  async picture(name, page = this.page) {
    await mkdir(screenshots, { recursive: true });
    await page.screenshot({ path: join(screenshots, `${this.walk}-${name}.png`) });
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window, `${name}: ${content} px wide in a window of ${window}`);
  }

  /** That axe finds nothing to complain of in what is shown: WCAG 2.2, levels A and AA. */
  async isAccessible(name, page = this.page) {
    // Evaluated by the debugger, so the page's own policy need not let it in.
    if (await page.evaluate(() => !globalThis.axe)) await page.evaluate(axe.source);
    const found = await page.evaluate(async (tags) => {
      const { violations } = await globalThis.axe.run(document, {
        runOnly: { type: 'tag', values: tags },
        resultTypes: ['violations'],
      });
      const told = ({ html, failureSummary }) => `${html}\n    ${failureSummary.replaceAll('\n', '\n    ')}`;
      return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(told).join('\n  ')}`);
    }, AXE_TAGS);
    assert.deepEqual(found, [], `${this.walk}-${name}`);
  }

  /** Pictures at both widths and in both schemes, each looked at by axe; then back to where it was. */
  async look(name, page = this.page) {
    const before = page.viewportSize();
    for (const [width, height] of [[1440, 900], [360, 740]]) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await this.picture(`${name}-${width}-${colorScheme}`, page);
        // The pages of several nodes are those of one.
        if (!process.env.NODES || process.env.NODES === '1') {
          await this.isAccessible(`${name}-${width}-${colorScheme}`, page);
        }
      }
    }
    await page.emulateMedia({ colorScheme: null });
    await page.setViewportSize(before);
  }

  /** Who has a seat, as the API tells one who sits there. */
  async members(room) {
    const answer = await this.context.request.get(`/api/v1/rooms/${room}/members`);
    return (await answer.json()).items;
  }

  /** The names of what the Tab key reaches from the top of the page; each must be seen to have focus. */
  async tabStops(many, page = this.page) {
    const stops = [];
    await page.evaluate(() => document.activeElement?.blur());
    for (let n = 0; n < many; n += 1) {
      await page.keyboard.press('Tab');
      const [name, seen] = await page.evaluate(() => {
        const at = document.activeElement;
        const drawn = getComputedStyle(at).outlineStyle !== 'none' || at.matches('body, .card a');
        return [at.getAttribute('aria-label') ?? at.textContent.trim(), drawn];
      });
      assert.ok(seen, `focus on ${name} is not seen`);
      stops.push(name);
    }
    return stops;
  }

  async goHome() {
    assert.deepEqual(this.#faults, [], 'no page had a fault');
    await this.context.close();
  }
}
