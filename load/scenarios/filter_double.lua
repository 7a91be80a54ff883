-- A page of 100 of the hundredth of all versions whose accuracy is in a range.
require "common"

function request()
    local least = any(9900) / 10000
    return filtered(string.format("accuracy BETWEEN %.4f AND %.4f", least, least + 0.01))
end
