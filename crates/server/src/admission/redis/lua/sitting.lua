-- Who sits on a slot: `live` parts, or one `held` part, never both. A slot is such a sitting with a
-- `reservation` and a `stay` beside it. A part whose entry is under way keeps what it replaced, a
-- sitting of its own, in `replaced`.
local sitting = {}

-- Generations are {epoch, n}.
local function same(a, b)
  return a[1] == b[1] and a[2] == b[2]
end

local function before(a, b)
  return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])
end

function sitting.is_empty(it)
  return #it.live == 0 and not it.held
end

function sitting.size(it)
  return #it.live + (it.held and 1 or 0)
end

-- Visits every part at any depth.
function sitting.each(it, visit)
  for _, part in ipairs(it.live) do
    visit(part)
    if part.replaced then
      sitting.each(part.replaced, visit)
    end
  end
end

-- The sessions at any depth for which `wanted` holds, oldest first.
function sitting.sessions(it, wanted)
  local found = {}
  sitting.each(it, function(part)
    if wanted(part) then
      table.insert(found, part)
    end
  end)
  table.sort(found, function(a, b)
    if same(a.generation, b.generation) then
      return a.session < b.session
    end
    return before(a.generation, b.generation)
  end)
  local sessions = {}
  for at, part in ipairs(found) do
    sessions[at] = part.session
  end
  return sessions
end

-- The part of a session, at any depth.
function sitting.find(it, session)
  local found
  sitting.each(it, function(part)
    if part.session == session then
      found = part
    end
  end)
  return found
end

-- Changes every held part, at any depth; `keep` answers what is left of it.
function sitting.map_held(it, keep)
  if it.held then
    it.held = keep(it.held)
  end
  for _, part in ipairs(it.live) do
    if part.replaced then
      sitting.map_held(part.replaced, keep)
    end
  end
end

-- The youngest generation that sits here now.
function sitting.youngest(it)
  local youngest = it.held and it.held.generation
  for _, part in ipairs(it.live) do
    if not youngest or before(youngest, part.generation) then
      youngest = part.generation
    end
  end
  return youngest
end

function sitting.oldest(it)
  local oldest
  for _, part in ipairs(it.live) do
    if not oldest or before(part.generation, oldest.generation) then
      oldest = part
    end
  end
  return oldest and oldest.session
end

-- How a presented secret compares: 'none' sits here, 'held', 'other', or 'part' and its session.
function sitting.compare(it, presented)
  local function fits(part)
    return part.resume == presented or part.former == presented
  end
  if sitting.is_empty(it) then
    return 'none'
  end
  if it.held and fits(it.held) then
    return 'held'
  end
  for _, part in ipairs(it.live) do
    if fits(part) then
      return 'part', part.session
    end
  end
  return 'other'
end

-- Takes one part out of this level.
function sitting.lift(it, session)
  for at, part in ipairs(it.live) do
    if part.session == session then
      return table.remove(it.live, at)
    end
  end
end

-- Removes the part of a session at whatever depth. An unsettled part gives way to what it replaced,
-- as far as that still stands; a settled one that was the last of its level is held, if so told.
function sitting.remove(it, session, hold_until)
  local part = sitting.lift(it, session)
  if not part then
    for _, other in ipairs(it.live) do
      if other.replaced and sitting.remove(other.replaced, session, hold_until) then
        return true
      end
    end
    return false
  end
  if part.replaced then
    for _, earlier in ipairs(part.replaced.live) do
      table.insert(it.live, earlier)
    end
    if #it.live == 0 then
      local held = part.replaced.held
      it.held = held and clock.now < held.deadline and held or nil
    end
  elseif #it.live == 0 then
    it.held = hold_until and {
      generation = part.generation, login = part.login, resume = part.resume,
      former = part.former, deadline = hold_until,
    } or nil
  end
  return true
end

-- The resume rule and the policies of sessions and arrivals: what an arrival does ('first',
-- 'refresh', 'takeover', 'beside'; the session that gives way, or nil for a held part), or nil and
-- why it may not sit down.
function sitting.judge(it, presented)
  local parts = terms.parts
  if presented then
    local found, session = sitting.compare(it, presented)
    if found == 'part' or found == 'held' then
      return 'refresh', session
    end
    if found == 'other' and sitting.size(it) >= parts then
      return nil, 'replaced'
    end
  end
  if it.held then
    return 'takeover', nil
  end
  local oldest = sitting.oldest(it)
  if not oldest then
    return 'first', nil
  end
  if #it.live < parts then
    return 'beside', nil
  end
  if terms.refuse_new then
    return nil, 'already_seated'
  end
  return 'takeover', oldest
end
