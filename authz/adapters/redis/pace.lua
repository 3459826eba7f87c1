-- How fast something may come; the loader puts it in front of the scripts that open tickets and break the glass.
-- The generic cell rate algorithm, as virtual scheduling (ITU-T I.371, annex A): a key holds when the next one would be
-- due at an even pace. One may come up to a minute before it is due, so a minute's worth may come at once.
local MINUTE = 60000

local function due(key, per_minute, now)
  return math.max(now, tonumber(redis.call('GET', key) or '') or now) + MINUTE / per_minute
end

-- In how many ms there is room for one more, nil where there is now.
local function too_soon(key, per_minute, now)
  local wait = due(key, per_minute, now) - MINUTE - now
  -- A millisecond for what fractions lose.
  if wait > 1 then
    return text(math.ceil(wait))
  end
end

local function count_in(key, per_minute, now)
  local at = due(key, per_minute, now)
  redis.call('SET', key, string.format('%.3f', at), 'PX', text(math.ceil(at - now) + 1))
end
