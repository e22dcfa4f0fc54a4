"""What the classifiers of tc share: actions, scripts, where filters sit, and the packet that they look at."""
