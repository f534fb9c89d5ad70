import TextCoding

/// The profiles of `~/.aws/config` and `~/.aws/credentials` (AWS SDKs and tools reference guide, "Shared config and credentials files").
struct ProfileFile: Sendable {
    /// Values by name in each profile; those of the credentials file win.
    private(set) var profiles: [String: [String: String]] = [:]
    /// What was read, for messages.
    let paths: [String]

    init(environment: [String: String], files: any FileSystem) {
        let home = environment["HOME"] ?? ""
        let config = environment["AWS_CONFIG_FILE"] ?? "\(home)/.aws/config"
        let credentials = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? "\(home)/.aws/credentials"
        paths = [config, credentials].map { $0.hasPrefix("~/") ? home + $0.dropFirst() : $0 }
        merge(files.contents(paths[0]), isConfig: true)
        merge(files.contents(paths[1]), isConfig: false)
    }

    /// The profile that the environment chooses, and whether it names it.
    static func chosen(_ environment: [String: String]) -> (name: String, isNamed: Bool) {
        for variable in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
            if let name = environment[variable], !name.isEmpty { return (name, true) }
        }
        return ("default", false)
    }

    private mutating func merge(_ bytes: [UInt8]?, isConfig: Bool) {
        guard let bytes else { return }
        var name: String?
        var parent: String?
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let isIndented = line.first?.isWhitespace ?? false
            let text = String(line.trimmed)
            if text.isEmpty || text.hasPrefix("#") || text.hasPrefix(";") { continue }
            if text.hasPrefix("[") {
                name = Self.profileName(text, isConfig: isConfig)
                parent = nil
                if let name, profiles[name] == nil { profiles[name] = [:] }
            } else if let name, let equals = text.firstIndex(of: "="), !(isIndented && parent != nil) {
                let key = text[..<equals].trimmed.lowercased()
                var value = String(text[text.index(after: equals)...].trimmed)
                if let comment = value.range(ofComment: " #") ?? value.range(ofComment: " ;") {
                    value = String(value[..<comment].trimmed)
                }
                parent = value.isEmpty ? key : nil  // indented lines below belong to it
                if !value.isEmpty { profiles[name]?[key] = value }
            }
        }
    }

    /// `[profile x]` and `[default]` in the config file, `[x]` in the credentials file; other sections are not profiles.
    private static func profileName(_ header: String, isConfig: Bool) -> String? {
        guard let end = header.firstIndex(of: "]") else { return nil }
        let words = header[header.index(after: header.startIndex)..<end].split(whereSeparator: \.isWhitespace)
        guard isConfig else { return words.count == 1 ? String(words[0]) : nil }
        if words == ["default"] { return "default" }
        guard words.count == 2, words[0] == "profile" else { return nil }
        return words[1].filter { $0 != "\"" && $0 != "'" }
    }
}

extension String {
    fileprivate func range(ofComment mark: String) -> String.Index? { firstRange(of: mark)?.lowerBound }
}
