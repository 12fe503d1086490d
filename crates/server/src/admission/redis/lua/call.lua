-- The call: what every script is given, the store's clock, and the guards that come before all else.
--
-- KEYS[1]  the declared prefix. Every key is derived from it, so a script cannot run on Redis
--          Cluster; a cluster is refused when the server starts.
-- ARGV[1]  the call, JSON: `terms` and `bounds` in force, `deployment` the database that the caller's
--          seats belong to, `node` this node and its life,
--          `run` the run id of the server that was connected to, `seen` and `seen_run` the highest
--          step that this node was answered with and the run it was of, `till` the instant after
--          which nobody waits for the answer; `at` is a clock reading for tests.
-- ARGV[2]  what the verb asks, JSON; the verb's own header names it.
-- Reply    JSON: `refused` ('foreign' or 'superseded' and `found`, 'fenced', 'lost', or 'late' and `now`; nothing was done
--          then), or `now`, `step`, `answer`,
--          `journal` (the changes, in order) and `rooms` (their next deadline, or that they are gone).
--
-- Keys, after the prefix; `R` is `room:{id}`, `U` is `user:{id}`:
--   clock         hash: last, offset (of the clock), step, run, before, from (of the store), deployment
--                 (whose seats they are), life:{node} (the last that began), fenced:{node} (the last
--                 whose lease was over)
--   rooms         set of the rooms
--   due           sorted set, room by its next deadline: what a node that died would have ended
--   R             hash: the room's header       R:slots     hash, user -> slot
--   R:staff       set, users on staff seats     R:held      set     R:reserved  set
--   R:due         sorted set, user:kind by deadline
--   R:line        sorted set, user by place     R:line:staff  the same, staff alone
--   R:waiters     hash, user -> waiter          R:entering  hash, session -> entry under way
--   U:rooms       set, rooms with a slot of the user or a place in the line
--   U:places      list, oldest first, where the user is or is about to be (policy `one`)
--   U:open        hash, room -> address: what counts against the bounds
--   address:{a}   set, room|user: the same for an address
local prefix = KEYS[1]
local call = cjson.decode(ARGV[1])
local ask = cjson.decode(ARGV[2])
local terms = call.terms

local clock = { key = prefix .. 'clock' }

-- The clock never goes back: what the machine's was set back by is added from then on.
do
  local node, life = string.match(call.node, '^(%d+)%.(%d+)$')
  local kept = redis.call('HMGET', clock.key, 'last', 'offset', 'step', 'run', 'before', 'from',
    'deployment', 'life:' .. node, 'fenced:' .. node)
  local last, offset = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
  local reading = call.at
  if not reading then
    local time = redis.call('TIME')
    reading = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  if reading + offset < last then
    offset = last - reading
  end
  clock.now, clock.offset = reading + offset, offset
  clock.step = tonumber(kept[3] or 0)
  clock.run, clock.before, clock.from = kept[4] or call.run, kept[5] or '', tonumber(kept[6] or 0)
  if clock.run ~= call.run then
    clock.before, clock.from, clock.run = clock.run, clock.step, call.run
  end
  clock.deployment, clock.began, clock.fenced = kept[7], kept[8], tonumber(kept[9] or -1)
  clock.node, clock.life = node, tonumber(life)
end

-- Whose seats they are. Two databases must not meet in one ledger, and of two lives of one database
-- the later one has it: an earlier one that still runs, or runs again, knows less than is here.
do
  if clock.deployment and clock.deployment ~= call.deployment then
    return cjson.encode({ refused = 'foreign', found = clock.deployment })
  end
  local began = tonumber(clock.began or 0)
  if began > clock.life or (ask.begins and began == clock.life) then
    return cjson.encode({ refused = 'superseded', found = clock.began })
  end
  -- Others gave its seats back: what it still wants to do comes too late.
  if clock.fenced >= clock.life then
    return cjson.encode({ refused = 'fenced' })
  end
end

-- Whether the store holds every step that this node was answered with. A server that started anew,
-- or a replica that took over, may have lost the last ones; `from` is where its own steps begin.
do
  local held = -1
  if call.seen_run == clock.run then
    held = clock.step
  elseif call.seen_run == clock.before then
    held = clock.from
  end
  if call.seen > 0 and held < call.seen then
    return cjson.encode({ refused = 'lost' })
  end
  -- A call that was given up must not take effect after what its caller did next.
  if call.till and clock.now > call.till then
    return cjson.encode({ refused = 'late', now = clock.now })
  end
end
