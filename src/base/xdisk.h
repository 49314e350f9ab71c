/* SPDX-License-Identifier: MIT */
/* Xdisk's registers and what they hold: between harts, which have them as CSRs, and the device. docs/extensions.md */
#ifndef VITRINE_BASE_XDISK_H
#define VITRINE_BASE_XDISK_H

enum xdisk_register {
    XDISK_SECTOR,  /* number of the sector, from 0 */
    XDISK_ADDRESS, /* physical address of 512 bytes of memory, in bytes; any alignment */
    XDISK_COMMAND, /* write-only: enum xdisk_command */
    XDISK_STATUS,  /* read-only: enum xdisk_status of the last command */
    XDISK_SECTORS  /* read-only: how many there are; 0 without a disk */
};
enum xdisk_command { XDISK_READ = 1, XDISK_WRITE = 2, XDISK_FLUSH = 3 };
enum xdisk_status {
    XDISK_OK,
    XDISK_NO_DISK,
    XDISK_BAD_SECTOR,  /* past the end */
    XDISK_BAD_ADDRESS, /* not all of the 512 bytes are memory that may be used so */
    XDISK_READONLY,
    XDISK_IO_ERROR, /* the host's file failed */
    XDISK_BAD_COMMAND
};

#endif
