// Many guests at once, all in one page that nobody looks at: each with a login of its own, through
// the same client that the room's page uses.

export class Crowd {
  static async arrive(browser, base) {
    const crowd = new Crowd();
    crowd.context = await browser.newContext({ baseURL: base });
    crowd.page = await crowd.context.newPage();
    await crowd.page.goto('/login');
    await crowd.page.evaluate(async () => {
      const { Client } = await import('/assets/anteroom.js');
      const people = new Map();
      const one = async (name) => {
        if (!people.has(name)) {
          const client = new Client({ base: location.origin });
          await client.guest(name);
          people.set(name, { client });
        }
        return people.get(name);
      };
      globalThis.crowd = { people, one };
    });
    return crowd;
  }

  /** Opens a room and sits in it; gives the room as its owner sees it. */
  open(owner, room) {
    return this.page.evaluate(async ([name, ask]) => {
      const person = await globalThis.crowd.one(name);
      const created = await person.client.createRoom(ask);
      person.session = person.client.confirm(created.reservation);
      await person.session.ready;
      return created.room;
    }, [owner, room]);
  }

  /**
   * Everybody named does the same, one after the other. `createRoomAndLeave`: opens a room of that name;
   * `joinAndSay`: takes a seat in the room, and says the name. None waits for the next.
   */
  each(names, what, room) {
    return this.page.evaluate(async ([all, how, id]) => {
      for (const name of all) {
        const person = await globalThis.crowd.one(name);
        if (how === 'joinAndSay') {
          person.session = person.client.joinRoom(id);
          await person.session.send(name);
        } else {
          const { reservation } = await person.client.createRoom({ name, capacity: 2 });
          const session = person.client.confirm(reservation);
          await session.ready;
          session.leave();
        }
      }
    }, [names, what, room]);
  }

  /** Reserves a seat, and does not come. */
  reserve(name, room) {
    return this.page.evaluate(async ([who, id]) => {
      await (await globalThis.crowd.one(who)).client.reserve(id);
    }, [name, room]);
  }

  /** Everybody named takes a seat. */
  join(room, names, options = {}) {
    return this.page.evaluate(async ([id, all, how]) => {
      for (const name of all) {
        const person = await globalThis.crowd.one(name);
        person.session = person.client.joinRoom(id, how);
        await person.session.ready;
      }
    }, [room, names, options]);
  }

  /** Rooms of these names, one after the other; the last is the one where `owner` sits. */
  openAll(owner, names) {
    return this.page.evaluate(async ([who, all]) => {
      const person = await globalThis.crowd.one(who);
      for (const name of all) {
        const { reservation } = await person.client.createRoom({ name, capacity: 12 });
        person.session = person.client.confirm(reservation);
        await person.session.ready;
      }
    }, [owner, names]);
  }

  /** `number 1`, `number 2` and so on, as fast as they are taken. */
  sayMany(name, count) {
    return this.page.evaluate(async ([who, many]) => {
      const { session } = await globalThis.crowd.one(who);
      for (let n = 1; n <= many; n += 50) {
        const few = Array.from({ length: Math.min(50, many - n + 1) }, (_, at) => session.send(`number ${n + at}`));
        await Promise.all(few);
      }
    }, [name, count]);
  }

  say(name, text) {
    return this.page.evaluate(async ([who, content]) => {
      await (await globalThis.crowd.one(who)).session.send(content);
    }, [name, text]);
  }

  leave(name) {
    return this.page.evaluate(async (who) => (await globalThis.crowd.one(who)).session.leave(), name);
  }

  /** A request in somebody's name; gives the status. */
  ask(name, method, path) {
    return this.page.evaluate(async ([who, how, where]) => {
      const { client } = await globalThis.crowd.one(who);
      const headers = { authorization: `Bearer ${client.token}` };
      return (await fetch(`/api/v1${where}`, { method: how, headers })).status;
    }, [name, method, path]);
  }

  async goHome() {
    await this.context.close();
  }
}
