const sectionHeaderBytes = 64
const programHeaderBytes = 56
const allocated = 2n

/**
 * What `strip -s` leaves of a 64-bit little-endian ELF file: the segments that are loaded, and the headers of the
 * sections in them. Symbols for debuggers go; those for the dynamic linker, which add-ons need, stay.
 * Done here since a Mac has no `strip` for ELF, and since two versions of binutils write two different files.
 */
export function stripElf(file: Buffer): Buffer {
  if (file.toString('latin1', 0, 4) !== '\x7fELF' || file[4] !== 2 || file[5] !== 1) {
    throw new TypeError('this is no 64-bit little-endian ELF file')
  }
  const sectionsAt = Number(file.readBigUInt64LE(40))
  const sectionCount = file.readUInt16LE(60)
  const sections = Array.from({ length: sectionCount }, (_, index) =>
    file.subarray(sectionsAt + index * sectionHeaderBytes, sectionsAt + (index + 1) * sectionHeaderBytes),
  )
  const namesHeader = sections[file.readUInt16LE(62)]
  if (!namesHeader) throw new TypeError('this ELF file has no names of sections')
  const end = loadedEnd(file)
  // The first header is the empty one by definition.
  const kept = sections.filter((header, index) => index === 0 || (header.readBigUInt64LE(8) & allocated) !== 0n)
  const newIndex = new Map(kept.map((header, index) => [sections.indexOf(header), index]))
  const names = file
    .subarray(Number(namesHeader.readBigUInt64LE(24)))
    .subarray(0, Number(namesHeader.readBigUInt64LE(32)))
  const shortNames = nameTable(kept.map((header) => cString(names, header.readUInt32LE(0))))

  const headers = kept.map((header, index) => {
    const copy = Buffer.from(header)
    copy.writeUInt32LE(shortNames.offsets[index] ?? 0, 0)
    copy.writeUInt32LE(newIndex.get(copy.readUInt32LE(40)) ?? 0, 40)
    const infoIsSection = (copy.readBigUInt64LE(8) & 0x40n) !== 0n
    if (infoIsSection) copy.writeUInt32LE(newIndex.get(copy.readUInt32LE(44)) ?? 0, 44)
    return copy
  })
  const nameSection = Buffer.alloc(sectionHeaderBytes)
  nameSection.writeUInt32LE(shortNames.ownOffset, 0)
  nameSection.writeUInt32LE(3, 4)
  nameSection.writeBigUInt64LE(BigInt(end), 24)
  nameSection.writeBigUInt64LE(BigInt(shortNames.bytes.length), 32)
  nameSection.writeBigUInt64LE(1n, 48)

  const padding = (8 - ((end + shortNames.bytes.length) % 8)) % 8
  const stripped = Buffer.concat([
    file.subarray(0, end),
    shortNames.bytes,
    Buffer.alloc(padding),
    ...headers,
    nameSection,
  ])
  stripped.writeBigUInt64LE(BigInt(end + shortNames.bytes.length + padding), 40)
  stripped.writeUInt16LE(headers.length + 1, 60)
  stripped.writeUInt16LE(headers.length, 62)
  return stripped
}

/** Where the last segment ends in the file. */
function loadedEnd(file: Buffer): number {
  const at = Number(file.readBigUInt64LE(32))
  let end = 0
  for (let index = 0; index < file.readUInt16LE(56); index++) {
    const header = at + index * programHeaderBytes
    end = Math.max(end, Number(file.readBigUInt64LE(header + 8) + file.readBigUInt64LE(header + 32)))
  }
  return end
}

const cString = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, bytes.indexOf(0, at))

function nameTable(names: readonly string[]): { bytes: Buffer; offsets: readonly number[]; ownOffset: number } {
  const offsets: number[] = []
  let text = '\0'
  for (const name of names) {
    offsets.push(name === '' ? 0 : text.length)
    if (name !== '') text += `${name}\0`
  }
  const ownOffset = text.length
  return { bytes: Buffer.from(`${text}.shstrtab\0`, 'latin1'), offsets, ownOffset }
}
