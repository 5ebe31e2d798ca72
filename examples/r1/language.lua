-- The language reward at nano scale: two alphabets of digits stand for two languages. The share of
-- the thinking's digits that are of the question's alphabet (DeepSeek-R1, section 2.3.2, counts
-- words); without any digit, 0.
local own = { arabic = "^[0-9]$", devanagari = "^\xe0\xa5[\xa6-\xaf]$" }

function reward(sample)
  local language = sample.row and own[sample.row.language]
  if not language then return nil, "the row names no language" end
  local thinking = sample.completion:match("<think>(.-)</think>") or ""
  local wanted, digits = 0, 0
  for character in thinking:gmatch("[%z\1-\127\194-\244][\128-\191]*") do
    local is_own = character:match(language) ~= nil
    if is_own or character:match(own.arabic) or character:match(own.devanagari) then
      digits = digits + 1
      if is_own then wanted = wanted + 1 end
    end
  end
  return digits == 0 and 0 or wanted / digits
end
