/// How a cell shows its number (ECMA-376 part 1, §18.8.30 and §18.8.31): percent, currency, digits, dates, times and durations. Of the parts for negative numbers and zero the first one's
/// rules are used; what is not understood (fractions, powers of ten) shows the number as it is.
struct NumberFormat {
    private enum Kind {
        case number
        case date(hasSeconds: Bool)
        /// `[h]:mm`: hours that go on beyond a day.
        case duration(hasSeconds: Bool)
    }

    private var kind = Kind.number
    private var (prefix, suffix) = ("", "")
    private var leadingDigits = 0
    private var decimals = 0
    private var optionalDecimals = 0
    private var isGrouped = false
    private var isPercent = false

    /// Nil where the number is shown as it is.
    init?(code: String) {
        var (hasDigits, hasPoint, dateLetters, hasSeconds, isElapsed) = (false, false, false, false, false)
        var characters = Array(code.unicodeScalars)[...]
        func literal(_ scalar: Unicode.Scalar, _ format: inout NumberFormat) {
            if hasDigits {
                format.suffix.unicodeScalars.append(scalar)
            } else {
                format.prefix.unicodeScalars.append(scalar)
            }
        }
        scan: while let character = characters.popFirst() {
            switch character {
            case ";": break scan
            case "\\": if let next = characters.popFirst() { literal(next, &self) }
            case "_", "*": _ = characters.popFirst()
            case "\"":
                while let next = characters.popFirst(), next != "\"" { literal(next, &self) }
            case "[":
                guard let end = characters.firstIndex(of: "]") else { return nil }
                let content = characters[..<end]
                characters = characters[(end + 1)...]
                if content.first == "$" {
                    for scalar in content.dropFirst().prefix(while: { $0 != "-" }) { literal(scalar, &self) }
                } else if let first = content.first, "hms".unicodeScalars.contains(first.lowercase),
                    content.allSatisfy({ $0.lowercase == first.lowercase })
                {
                    isElapsed = true
                    if first.lowercase == "s" { hasSeconds = true }
                }
            case "0", "#", "?":
                hasDigits = true
                if !hasPoint {
                    if character == "0" { leadingDigits += 1 }
                } else {
                    decimals += 1
                    if character != "0" { optionalDecimals += 1 }
                }
            case ".": hasPoint = true
            case ",": if hasDigits, !hasPoint { isGrouped = true }
            case "%":
                isPercent = true
                literal(character, &self)
            case "y", "Y", "d", "D", "h", "H", "m", "M": dateLetters = true
            case "s", "S": (dateLetters, hasSeconds) = (true, true)
            case "E", "e", "/", "@", "G", "g", "A", "a", "P", "p":
                // Behind a date these are AM/PM or signs between its parts.
                if !dateLetters, !isElapsed { return nil }
            default: literal(character, &self)
            }
        }
        if isElapsed {
            kind = .duration(hasSeconds: hasSeconds)
        } else if dateLetters, !hasDigits || hasSeconds {
            kind = .date(hasSeconds: hasSeconds)
        } else if !hasDigits {
            return nil
        }
    }

    /// A format that is built in, by its number.
    init?(builtIn id: Int) {
        let codes = [
            1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 14: "yyyy-mm-dd", 15: "d-mmm-yy",
            16: "d-mmm",
            17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0",
            38: "#,##0",
            39: "#,##0.00", 40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
        ]
        guard let code = codes[id] else { return nil }
        self.init(code: code)
    }

    /// Nil where the number is shown as it is.
    func text(_ value: Double, _ epoch: SerialDate.Epoch) -> String? {
        switch kind {
        case .date(let hasSeconds):
            let text = SerialDate.text(value, epoch)
            // A time of day without seconds.
            return !hasSeconds && value < 1 && text.hasSuffix(":00") ? String(text.dropLast(3)) : text
        case .duration(let hasSeconds):
            guard value >= 0, value < 1e7 else { return nil }
            let seconds = Int((value * 86_400).rounded())
            let time = "\(seconds / 3600):\(Self.two(seconds / 60 % 60))"
            return hasSeconds ? "\(time):\(Self.two(seconds % 60))" : time
        case .number: return number(value)
        }
    }

    private func number(_ value: Double) -> String? {
        guard decimals <= 12, leadingDigits <= 32 else { return nil }
        let shift = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
        let scaled = (value.magnitude * (isPercent ? 100 : 1) * shift).rounded()
        guard scaled < 9e15 else { return nil }
        var digits = String(Int(scaled))
        let least = decimals + max(leadingDigits, 1)
        if digits.count < least { digits = String(repeating: "0", count: least - digits.count) + digits }
        var whole = String(digits.dropLast(decimals))
        var part = digits.suffix(decimals)[...]
        for _ in 0..<optionalDecimals where part.last == "0" { part = part.dropLast() }
        if isGrouped { whole = Self.grouped(whole) }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return prefix + sign + whole + (part.isEmpty ? "" : ".\(part)") + suffix
    }

    private static func grouped(_ digits: String) -> String {
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension Unicode.Scalar {
    fileprivate var lowercase: Unicode.Scalar { properties.lowercaseMapping.unicodeScalars.first ?? self }
}
