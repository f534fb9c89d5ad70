import Glibc

/// What the kernel says of this process, in the names of Prometheus' client libraries.
package enum ProcessReadings {
    package static var all: [Metrics.Reading] {
        [
            Metrics.Reading(.residentMemory, nil, residentBytes),
            Metrics.Reading(.openFiles, nil, openFiles),
        ]
    }

    private static var residentBytes: Double {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let fields = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.split(separator: 0x20)
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return Double(pages * sysconf(Int32(_SC_PAGESIZE)))
    }

    private static var openFiles: Double {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // ".", ".." and the folder itself.
        return Double(max(0, count - 3))
    }
}
