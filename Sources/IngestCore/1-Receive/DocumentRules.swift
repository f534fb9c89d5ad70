import HTTPTransport

/// Which objects are documents, and whose. The last rule that fits an object decides; where none fits, it is a document only if no
/// rule includes anything.
package struct DocumentRules: Equatable, Sendable {
    private struct Rule: Equatable, Sendable {
        var isIncluding: Bool
        var bucket: [UInt8]
        var key: [UInt8]
        var tenant: String?

        func fits(_ object: ObjectReference) -> Bool {
            DocumentRules.matches(bucket[...], Array(object.bucket.utf8)[...])
                && DocumentRules.matches(key[...], Array(object.key.utf8)[...])
        }
    }

    package struct Problem: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    private var rules: [Rule] = []
    private let tenant: String

    /// Every object is a document of `tenant`.
    package init(tenant: String) { self.tenant = tenant }

    /// - Parameter text: rules between spaces, commas or semicolons: `s3://bucket/prefix`, `s3://bucket/*.pdf`, with `=tenant` behind it, or with `!`
    ///   before it to leave out. `*` stands for any characters; a key without one is a prefix. Spaces, commas, semicolons, `=`, `*`, `!` and `%` of a key
    ///   are percent-encoded.
    package init(parsing text: String, tenant: String) throws(Problem) {
        self.tenant = tenant
        for word in Self.words(text) { rules.append(try Self.rule(String(word))) }
    }

    private static func words(_ text: String) -> [Substring] {
        text.split(whereSeparator: { $0 == "," || $0 == ";" || $0.isWhitespace })
    }

    /// The same rules with one space between them.
    package static func normalized(_ text: String) -> String { words(text).joined(separator: " ") }

    /// Buckets that the rules include by their full name, in the order of the rules.
    package var buckets: [String] {
        var found: [String] = []
        for rule in rules where rule.isIncluding && !rule.bucket.contains(Self.star) {
            let name = String(decoding: rule.bucket, as: UTF8.self)
            if !found.contains(name) { found.append(name) }
        }
        return found
    }

    /// Nil where the object is no document of ours.
    package func tenant(of object: ObjectReference) -> String? {
        if let rule = rules.last(where: { $0.fits(object) }) { return rule.isIncluding ? rule.tenant ?? tenant : nil }
        return rules.contains(where: \.isIncluding) ? nil : tenant
    }

    /// Tenants are groups of fair queues, too: at most 64 letters, digits, `-`, `_` and `.`.
    package static func isTenant(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || [0x2D, 0x2E, 0x5F].contains($0)
            }
    }

    private static func rule(_ word: String) throws(Problem) -> Rule {
        let isIncluding = !word.hasPrefix("!")
        let address = isIncluding ? word[...] : word.dropFirst()
        let parts = address.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].hasPrefix("s3://") else { throw Problem(description: "\"\(word)\" is no s3://bucket/prefix") }
        let path = parts[0].dropFirst(5).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bucket = path.first, !bucket.isEmpty else {
            throw Problem(description: "\"\(word)\" names no bucket")
        }
        let tenant = parts.count > 1 ? String(parts[1]) : nil
        if let tenant, !isIncluding || !isTenant(tenant) {
            throw Problem(description: "\"\(word)\": \"\(tenant)\" is no tenant here")
        }
        let key = path.count > 1 ? String(path[1]) : ""
        guard let pattern = pattern(key.contains("*") ? key : key + "*"), let buckets = self.pattern(String(bucket))
        else {
            throw Problem(description: "\"\(word)\" is not percent-encoded UTF-8")
        }
        return Rule(isIncluding: isIncluding, bucket: buckets, key: pattern, tenant: tenant)
    }

    /// UTF-8 with 0xFF, which UTF-8 never has, for the star: an encoded star is an ordinary character.
    private static func pattern(_ text: String) -> [UInt8]? {
        var pattern: [UInt8] = []
        for (number, part) in text.split(separator: "*", omittingEmptySubsequences: false).enumerated() {
            if number > 0 { pattern.append(star) }
            guard let decoded = PercentEncoding.decode(String(part)) else { return nil }
            pattern += Array(decoded.utf8)
        }
        return pattern
    }

    private static let star: UInt8 = 0xFF

    /// Backtracks to the last star only, so that no pattern takes long.
    private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        var (p, t) = (pattern.startIndex, text.startIndex)
        var lastStar: (pattern: Int, text: Int)?
        while t < text.endIndex {
            if p < pattern.endIndex, pattern[p] == star {
                lastStar = (p, t)
                p += 1
            } else if p < pattern.endIndex, pattern[p] == text[t] {
                p += 1
                t += 1
            } else if let (starred, from) = lastStar {
                lastStar = (starred, from + 1)
                (p, t) = (starred + 1, from + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == star }
    }
}
