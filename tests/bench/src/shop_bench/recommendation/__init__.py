"""Offline evaluation of the recommendations: what would have been suggested before each step?"""
