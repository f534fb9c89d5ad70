import Foundation

/// The folder beside the project with published vectors and real documents: `FLEET_SHARED`, default `../shared`. It may be absent.
package enum SharedFolder {
    package static let url: URL? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let name = ProcessInfo.processInfo.environment["FLEET_SHARED"] ?? "../shared"
        let folder = URL(fileURLWithPath: name, relativeTo: root).standardizedFileURL
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) && isFolder.boolValue
            ? folder : nil
    }()

    package static var isPresent: Bool { url != nil }
}
