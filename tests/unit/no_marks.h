/* SPDX-License-Identifier: MIT */
/* Included before every unit test: Check writes the line of each assertion that held to a file, to tell where a crash was near. Tests of random
 * programs assert millions of times, and half of their time went into that. */
#pragma once
#include <check.h>
#define _mark_point(file, line) ((void)0)
