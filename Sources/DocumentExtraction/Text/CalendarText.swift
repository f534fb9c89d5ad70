/// Events of a calendar (RFC 5545), as lines that people read: what, when, where, who.
enum CalendarText {
    private static let names: [(field: String, shown: String)] = [
        ("SUMMARY", "Event"), ("DTSTART", "Begins"), ("DTEND", "Ends"), ("DUE", "Due"), ("RRULE", "Repeats"),
        ("LOCATION", "Place"), ("ORGANIZER", "Organizer"),
        ("ATTENDEE", "Attendee"), ("STATUS", "Status"), ("DESCRIPTION", "Description"), ("COMMENT", "Comment"),
    ]

    static func isCalendar(_ bytes: [UInt8]) -> Bool { bytes.starts(with: "BEGIN:VCALENDAR".utf8) }

    /// A paragraph for each event, task or entry.
    static func plain(_ bytes: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        var components: [String] = []
        for line in unfolded(bytes) {
            guard let (name, parameters, value) = field(line) else { continue }
            switch name {
            case "BEGIN":
                components.append(value)
                if ["VEVENT", "VTODO", "VJOURNAL"].contains(value) { plain.append(0x0A) }
            case "END": _ = components.popLast()
            default:
                guard ["VEVENT", "VTODO", "VJOURNAL"].contains(components.last),
                    let shown = names.first(where: { $0.field == name })?.shown
                else {
                    continue
                }
                plain += Array("\(shown): \(text(value, name, parameters))\n".utf8)
            }
        }
        return plain
    }

    /// Lines that go on begin with a blank (RFC 5545 §3.1).
    private static func unfolded(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for line in bytes.split(separator: 0x0A) {
            let line = line.last == 0x0D ? line.dropLast() : line
            if let first = line.first, first == 0x20 || first == 0x09, !lines.isEmpty {
                lines[lines.count - 1] += line.dropFirst()
            } else {
                lines.append(Array(line))
            }
        }
        return lines
    }

    private static func field(_ line: [UInt8]) -> (name: String, parameters: [Substring], value: String)? {
        var isQuoted = false
        let colon = line.firstIndex { byte in
            if byte == 0x22 { isQuoted.toggle() }
            return byte == 0x3A && !isQuoted
        }
        guard let colon else { return nil }
        let parts = String(decoding: line[..<colon], as: UTF8.self).split(separator: ";")
        guard let name = parts.first else { return nil }
        return (name.uppercased(), Array(parts.dropFirst()), String(decoding: line[(colon + 1)...], as: UTF8.self))
    }

    private static func text(_ value: String, _ name: String, _ parameters: [Substring]) -> String {
        switch name {
        case "DTSTART", "DTEND", "DUE": return time(value, parameters)
        case "ORGANIZER", "ATTENDEE":
            let address = value.lowercased().hasPrefix("mailto:") ? String(value.dropFirst(7)) : value
            guard let person = parameter("CN", parameters) else { return address }
            return "\(person) <\(address)>"
        default:
            var text = ""
            var isEscaped = false
            for character in value {
                if isEscaped {
                    text += character == "n" || character == "N" ? " " : String(character)
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else {
                    text.append(character)
                }
            }
            return text
        }
    }

    private static func parameter(_ name: String, _ parameters: [Substring]) -> String? {
        parameters.first { $0.uppercased().hasPrefix(name + "=") }.map {
            $0.dropFirst(name.count + 1).filter { $0 != "\"" }
        }
    }

    /// 20240503T100000Z as 2024-05-03 10:00 UTC.
    private static func time(_ value: String, _ parameters: [Substring]) -> String {
        let digits = Array(value.utf8)
        guard digits.count >= 8, digits.prefix(8).allSatisfy({ (0x30...0x39).contains($0) }) else { return value }
        func part(_ range: Range<Int>) -> String { String(decoding: digits[range], as: UTF8.self) }
        let date = "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))"
        guard digits.count >= 13, digits[8] == 0x54 else { return date }
        let zone = digits.last == 0x5A ? " UTC" : parameter("TZID", parameters).map { " \($0)" } ?? ""
        return "\(date) \(part(9..<11)):\(part(11..<13))\(zone)"
    }
}
