/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_crc.h - CRC-32C (Castagnoli), the checksum of everything that the store writes
 */
#ifndef KV_KV_CRC_H
#define KV_KV_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of N octets at P behind those that gave CRC (0: the first). May be called in
 * pieces: kv_crc(kv_crc(0, a), b) is the checksum of a and b in one. */
uint32_t kv_crc(uint32_t crc, const void *p, size_t n);

#endif
