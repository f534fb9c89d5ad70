extension String {
    /// For a terminal, a log or a list: control characters, line breaks and marks that turn the direction of text are escaped, so that a key or a title
    /// can neither steer the terminal nor forge a line.
    package var printable: String { escaped { "\\u{\(String($0.value, radix: 16))}" } }

    /// The same for a JSON text, whose reader gets the characters: only what stands in strings can be one of these.
    package var printableJSON: String {
        escaped { scalar in
            UTF16.encode(scalar)!.map {
                "\\u" + String(repeating: "0", count: 4 - String($0, radix: 16).count) + String($0, radix: 16)
            }
            .joined()
        }
    }

    private func escaped(_ escape: (Unicode.Scalar) -> String) -> String {
        guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.isUnprintable { text += escape(scalar) } else { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// C0, DEL, C1, the line and paragraph separators, and the marks of bidirectional text.
    package var isUnprintable: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x61C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
