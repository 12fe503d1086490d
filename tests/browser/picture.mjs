// Makes the pictures of the README: `node tests/browser/picture.mjs` writes docs/images/room.png and
// room-ko.png. A real server, a few people, a short talk.

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Crowd } from './crowd.js';
import { Person, launch } from './people.js';
import { startServer } from './server.js';
import { WORDS } from './words.js';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));

const TALKS = {
  en: {
    file: 'room.png',
    room: 'Thursday reading circle',
    you: 'Mara',
    host: 'Jonas',
    others: ['Aiko', 'Femi', 'Luz', 'Pavel'],
    talk: [
      ['Jonas', 'Good evening! Eight chairs, and six of us already.'],
      ['Aiko', 'Hello from Sapporo. Is it chapter four tonight?'],
      ['Mara', 'Four and half of five, if we are quick.'],
      ['Femi', 'My train went into a tunnel and I still had my seat when I came out.'],
      ['Luz', 'Same here: I reloaded the page and nobody had taken mine.'],
      ['Jonas', 'That is the point of it. Two more may come, and not one beyond that.'],
      ['Mara', 'Then let us begin. Who wants to read the first page?'],
      ['Pavel', 'I will. Give me a second to find my glasses.'],
    ],
  },
  ko: {
    file: 'room-ko.png',
    room: '목요일 저녁 독서 모임',
    you: '하윤',
    host: '도현',
    others: ['서연', '민재', '지우', '은채'],
    talk: [
      ['도현', '안녕하세요! 여덟 자리 중에 벌써 여섯 분이 오셨네요.'],
      ['서연', '부산에서 인사드려요. 오늘은 4장부터죠?'],
      ['하윤', '네, 서두르면 5장 절반까지도 갈 수 있어요.'],
      ['민재', '지하철에서 연결이 끊겼는데 돌아오니 제 자리가 그대로 있네요.'],
      ['지우', '저도 새로고침했는데 아무도 제 자리에 앉지 않았어요.'],
      ['도현', '그게 이 방의 약속이니까요. 두 분까지만 더 오실 수 있어요.'],
      ['하윤', '그럼 시작할까요? 첫 쪽은 누가 읽어 주실래요?'],
      ['은채', '제가 읽을게요. 안경만 좀 찾고요.'],
    ],
  },
};

async function take(browser, language) {
  const { file, room, you, host, others, talk } = TALKS[language];
  const server = await startServer();
  const words = WORDS[language];
  try {
    const crowd = await Crowd.arrive(browser, server.address);
    const { id } = await crowd.open(host, { name: room, capacity: 8 });
    const settings = { base: server.address, words, walk: 'picture', locale: words.locale, width: 1200 };
    const person = await Person.arrive(browser, settings);
    const { page } = person;
    await page.setViewportSize({ width: 1200, height: 920 });
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(`/guest?next=/rooms/${id}`);
    await person.fill({ display_name: you }, words.guestSubmit);
    await person.isSeated();
    for (const name of others) {
      await crowd.join(id, [name]);
      await person.hears(words.joined(name));
    }
    for (const [who, text] of talk) {
      if (who === you) await person.say(text);
      else await crowd.say(who, text);
      await person.hears(text);
    }
    await page.locator('.pending').waitFor({ state: 'detached' });
    await mkdir(IMAGES, { recursive: true });
    await page.screenshot({ path: `${IMAGES}${file}` });
    await person.goHome();
    await crowd.goHome();
  } finally {
    await server.stop();
  }
}

const browser = await launch();
for (const language of Object.keys(TALKS)) await take(browser, language);
await browser.close();
