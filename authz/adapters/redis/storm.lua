-- Shared by the scripts of a storm; the loader puts it in front. KEYS[1] state (hash), [2] recent (ticket -> ms),
-- [3] digested (ticket -> number), [4] waiting (set of tickets): all of one channel.
local STATE, RECENT, DIGESTED, WAITING = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local function text(number)
  return string.format('%.0f', number)
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function damaged()
  for key, wanted in pairs({ [STATE] = 'hash', [RECENT] = 'zset', [DIGESTED] = 'zset', [WAITING] = 'set' }) do
    local kind = redis.call('TYPE', key).ok
    if kind ~= wanted and kind ~= 'none' then
      return redis.error_reply('DAMAGED ' .. key .. ' is a ' .. kind .. ', not a ' .. wanted)
    end
  end
end

local function of_state(field)
  return tonumber(redis.call('HGET', STATE, field) or '') or 0
end

-- Nobody waits, and whoever was told of that is told: the next storm is another one.
local function forget_digest()
  redis.call('HDEL', STATE, 'reference', 'began', 'total', 'entered_at')
end
