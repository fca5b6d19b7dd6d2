// GoogleTest on top of the base, precompiled once for the unit tests.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmake/pch_base.hpp"
