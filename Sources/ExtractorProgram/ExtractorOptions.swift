/// The command line of the sandboxed children: `[--memory-bytes N] [--no-sandbox] [--without-landlock]`, and names and values of a program's own.
package struct ExtractorOptions {
    var memoryBytes: UInt64 = 1 << 30
    var isSandboxed = true
    var isWithoutLandlock = false
    private var others: [String: String] = [:]

    /// Nil where the arguments are none of these. `more` are the further options of a program; each takes a value.
    package init?(_ arguments: some Sequence<String>, more: Set<String> = []) {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--no-sandbox": isSandboxed = false
            case "--without-landlock": isWithoutLandlock = true
            case "--memory-bytes":
                guard let value = rest.popFirst().flatMap(UInt64.init) else { return nil }
                memoryBytes = value
            default:
                guard more.contains(argument), let value = rest.popFirst() else { return nil }
                others[argument] = value
            }
        }
    }

    package subscript(option: String) -> String? { others[option] }
}
